"""A first cluster config, from the hosts that a user has in `~/.ssh/config`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from master.core.nearest import near
from master.errors import ConfigError, UsageError
from master.intake.cluster import parse_cluster
from master.specs import ClusterSpec

HERE = "localhost"
_ALL, _NONE = "all", "none"
_HOSTS = re.compile(r"^[ \t]*host(?:[ \t]+|[ \t]*=[ \t]*)(.+)$", re.IGNORECASE | re.MULTILINE)


def known_hosts_of(ssh_config: Path) -> list[str]:
    """Return the hosts that an ssh configuration names, in its order, without patterns; none without a file.

    What it includes is not followed.  Raises ConfigError where it cannot be read.
    """
    try:
        text = ssh_config.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(str(ssh_config), "", f"cannot be read: {error.strerror}") from error
    names = (name for line in _HOSTS.findall(text) for name in line.replace('"', "").split())
    return list(dict.fromkeys(name for name in names if not set(name) & set("*?!#")))


def chosen(answer: str, hosts: Sequence[str]) -> list[str]:
    """Return the hosts that a user's answer means: `all`, `none`, numbers from 1 as in the list, or names.

    A name may be any that `ssh` takes.  Raises UsageError for a number that is none of the list.
    """
    words = answer.replace(",", " ").split()
    if words == [_ALL]:
        return list(hosts)
    if words in ([], [_NONE]):
        return []
    return list(dict.fromkeys(_host(word, hosts) for word in words))


def _host(word: str, hosts: Sequence[str]) -> str:
    if word.isdecimal():
        if not 1 <= int(word) <= len(hosts):
            raise UsageError(f"{word} is none of the {len(hosts)} hosts of the list")
        return hosts[int(word) - 1]
    return word


def unlike(names: Sequence[str], hosts: Sequence[str]) -> dict[str, str]:
    """Return the names that no list has though it has one that is nearly alike, and that one."""
    return {name: alike for name in names if name not in hosts and (alike := near(name, hosts))}


def cluster_text(hosts: Sequence[str], *, here: bool) -> str:
    """Return a cluster config whose workers find their GPUs themselves; `here` makes this machine one."""
    servers = [{"host": host, "gpus": "auto"} for host in (*hosts, *([HERE] if here else ()))]
    lines = ",\n".join(f"    {json.dumps(server)}" for server in servers)
    return f'{{\n  "servers": [\n{lines}\n  ]\n}}\n'


def checked(text: str, path: Path) -> ClusterSpec:
    """Return what the text says.  Raises ConfigError where a host's name cannot be one."""
    return parse_cluster(text, str(path))
