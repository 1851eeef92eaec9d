"""What OpenSSH's configuration says about a worker, and the argv lists that say it back to OpenSSH.

Pure: `ssh -G` (which knows Include, Match and every default) is asked by the caller.  So the library that
carries commands and the programs that carry files see the same hosts, users, ports, keys and jump hosts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from master.specs import ClusterSpec, ServerSpec

SYSTEM_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
FAST_CIPHER = "aes128-gcm@openssh.com"
"""1.5 to 1.8 times the throughput of OpenSSH's default."""
MAX_HOPS = 8

_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\s]+))(?::(?P<port>\d+))?/?"
)
_UNSAFE_HOST = re.compile(r"^$|^-|[\s\x00-\x1f\x7f'\"`$\\;&<>|(){}]")
_TOKEN = re.compile(r"%(.)")


@dataclass(frozen=True)
class Destination:
    """What a user calls a host: a name or an alias, and what overrides the configuration."""

    name: str
    user: str | None = None
    port: int | None = None
    key: str | None = None
    """Absolute path of a private key."""


@dataclass(frozen=True)
class SshFiles:
    """The files that OpenSSH is told to use, as absolute paths."""

    config: str | None
    """None: what OpenSSH reads by itself, the system's file included."""
    known_hosts: str

    @property
    def config_argv(self) -> list[str]:
        """`-F` and the file, or nothing."""
        return [] if self.config is None else ["-F", self.config]


@dataclass(frozen=True)
class Hop:
    """One host on the way to a worker, with everything resolved."""

    destination: Destination
    hostname: str
    port: int
    user: str
    keys: tuple[str, ...] = ()
    """Private keys that the configuration names, in the order to try; they need not exist."""
    ciphers: tuple[str, ...] = ()
    host_key_alias: str | None = None
    identities_only: bool = False
    proxy_jump: str | None = None
    proxy_command: str | None = None
    """With its tokens filled in."""

    @property
    def known_as(self) -> str:
        """The name to look up in known_hosts."""
        name = (self.host_key_alias or self.hostname).lower()
        return name if self.port == 22 or self.host_key_alias else f"[{name}]:{self.port}"


Route = tuple[Hop, ...]
"""The hosts to pass, the worker last."""


def ssh_files(
    cluster: ClusterSpec, passwd_home: Path, exists: Callable[[Path], bool] = Path.exists
) -> SshFiles:
    """Return the files to name to OpenSSH, which itself looks in `passwd_home` whatever `$HOME` says.

    Raises ValueError when the cluster config names an ssh_config that does not exist.
    """
    config = Path(cluster.ssh_config).expanduser().absolute()
    known_hosts = str(Path(cluster.known_hosts).expanduser().absolute())
    if config == passwd_home / ".ssh" / "config":
        return SshFiles(None, known_hosts)
    if exists(config):
        return SshFiles(str(config), known_hosts)
    if cluster.ssh_config != ClusterSpec.ssh_config:
        raise ValueError(f"ssh_config: {config} does not exist")
    return SshFiles("/dev/null", known_hosts)


def destination_of(server: ServerSpec) -> Destination:
    """Return how to name a worker to OpenSSH.  Raises ValueError for what is no host name."""
    if _UNSAFE_HOST.search(server.host):
        raise ValueError(f"host {server.host!r} is no host name or ssh_config alias")
    key = str(Path(server.ssh_key).expanduser().absolute()) if server.ssh_key else None
    return Destination(server.host, server.user, server.port, key)


def resolve_argv(destination: Destination, files: SshFiles) -> list[str]:
    """Return the command that prints the configuration of one host."""
    return ["ssh", "-G", *files.config_argv, *_overrides(destination), destination.name]


def parse_hop(destination: Destination, printed: str, expand: Callable[[str], str]) -> Hop:
    """Read what `ssh -G` printed; `expand` replaces a leading `~`.

    Raises ValueError when the text lacks a hostname, a port or a user.
    """
    values: dict[str, list[str]] = {}
    for line in printed.splitlines():
        keyword, _, value = line.partition(" ")
        values.setdefault(keyword.lower(), []).append(value)
    first = {keyword: found[0] for keyword, found in values.items()}
    missing = [keyword for keyword in ("hostname", "port", "user") if not first.get(keyword)]
    if missing:
        raise ValueError(f"`ssh -G {destination.name}` tells no {' and no '.join(missing)}")
    tokens = _tokens(destination, first, expand)
    fill = _filler(tokens)
    files = [expand(fill(path)) for path in values.get("identityfile", [])]
    return Hop(
        destination,
        hostname=first["hostname"],
        port=int(first["port"]),
        user=first["user"],
        keys=tuple(dict.fromkeys([*([destination.key] if destination.key else []), *files])),
        ciphers=tuple(first.get("ciphers", "").split(",")) if first.get("ciphers") else (),
        host_key_alias=first.get("hostkeyalias"),
        identities_only=first.get("identitiesonly") == "yes",
        proxy_jump=_unless_none(first.get("proxyjump")),
        proxy_command=_filled(_unless_none(first.get("proxycommand")), fill),
    )


def _unless_none(value: str | None) -> str | None:
    return None if value is None or value.lower() == "none" else value


def _filled(value: str | None, fill: Callable[[str], str]) -> str | None:
    return None if value is None else fill(value)


def _tokens(destination: Destination, first: dict[str, str], expand: Callable[[str], str]) -> dict[str, str]:
    return {
        "%": "%",
        "d": expand("~"),
        "h": first["hostname"],
        "n": destination.name,
        "p": first["port"],
        "r": first["user"],
    }


def _filler(tokens: dict[str, str]) -> Callable[[str], str]:
    return lambda text: _TOKEN.sub(lambda found: tokens.get(found[1], found[0]), text)


def parse_jumps(text: str) -> list[Destination]:
    """Read the value of ProxyJump, e.g. `ann@gate:2222,inner`.  Raises ValueError."""
    return [_parse_jump(part.strip()) for part in text.split(",")]


def _parse_jump(text: str) -> Destination:
    found = _JUMP.fullmatch(text)
    host = (found["v6"] or found["host"]) if found else ""
    if not found or _UNSAFE_HOST.search(host):
        raise ValueError(f"ProxyJump: {text!r} is not [user@]host[:port]")
    return Destination(host, found["user"], int(found["port"]) if found["port"] else None)


def find_route(destination: Destination, resolve: Callable[[Destination], Hop]) -> Route:
    """Return the hosts to pass, the destination last.  Raises ValueError when they run in circles."""
    return _find_route(destination, resolve, MAX_HOPS)


def _find_route(destination: Destination, resolve: Callable[[Destination], Hop], left: int) -> Route:
    if left == 0:
        raise ValueError(f"ProxyJump: more than {MAX_HOPS} hosts, or a circle")
    hop = resolve(destination)
    if hop.proxy_jump is None:
        return (hop,)
    before, *others = parse_jumps(hop.proxy_jump)
    first = _find_route(before, resolve, left - 1)
    # As in OpenSSH, only the first of several jump hosts has its own way looked up.
    return (*first, *(resolve(other) for other in others), hop)


def ssh_argv(
    route: Route, files: SshFiles, *, connect_timeout_s: int, control_path: str | None = None
) -> list[str]:
    """Return an `ssh` command for the last host of `route`, without the host, that never asks a question.

    With `control_path` it uses the connection that listens there, if one does.
    """
    hop = route[-1]
    options = _options(hop, files, connect_timeout_s)
    if len(route) > 1:
        inner = ssh_argv(route[:-1], files, connect_timeout_s=connect_timeout_s)
        target = f"[{hop.hostname}]:{hop.port}"
        command = shlex.join([*inner, "-W", target, "--", route[-2].destination.name])
        options["ProxyCommand"] = command.replace("%", "%%")
    options["ControlPath"] = control_path or "none"
    keys = [argument for key in hop.keys for argument in ("-i", key)]
    settings = [f"-o{name}={value}" for name, value in options.items()]
    return ["ssh", "-T", "-a", "-x", *files.config_argv, *_login(hop), *keys, *settings]


def _options(hop: Hop, files: SshFiles, connect_timeout_s: int) -> dict[str, str]:
    return {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(files.known_hosts),
        "UpdateHostKeys": "no",
        **({"Ciphers": ",".join(preferred(hop.ciphers))} if hop.ciphers else {}),
        "ConnectTimeout": str(connect_timeout_s),
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "4",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "LogLevel": "ERROR",
        "ControlMaster": "no",
    }


# OpenSSH itself would wait for those who share its connection.
_END_WITH_INPUT = '"$@" </dev/null & exec >/dev/null; cat; kill "$!" 2>/dev/null; wait'


def master_argv(route: Route, files: SshFiles, *, connect_timeout_s: int, control_path: str) -> list[str]:
    """Return a command that opens a connection for others to share, says `ready`, and ends with its input.

    So neither it nor what uses it can outlive whoever started it, however that one ends.
    """
    shared = ssh_argv(route, files, connect_timeout_s=connect_timeout_s, control_path=control_path)
    # The first value of an option counts.
    first = ["-N", "-oControlMaster=yes", "-oPermitLocalCommand=yes", "-oLocalCommand=echo ready"]
    ssh = ["ssh", *first, *shared[1:], "--", route[-1].destination.name]
    return ["/bin/sh", "-c", _END_WITH_INPUT, "sh", *ssh]


def preferred(ciphers: Sequence[str]) -> list[str]:
    """Return the same ciphers, the fast one first."""
    return sorted(ciphers, key=lambda name: name != FAST_CIPHER)


def _quoted(path: str) -> str:
    return '"' + path.replace("%", "%%").replace('"', '\\"') + '"'


def _login(hop: Hop) -> list[str]:
    return ["-p", str(hop.port), "-l", hop.user]


def _overrides(destination: Destination) -> list[str]:
    given = (("-p", destination.port), ("-l", destination.user), ("-i", destination.key))
    return [argument for flag, value in given if value is not None for argument in (flag, str(value))]
