"""Values of the jobs' environment that stand in no config: from the environment here, and from a file.

They are kept in memory, and shown nowhere: messages name variables and lines.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from master.errors import ConfigError
from master.intake.cluster_environment import name_problem
from master.intake.head_paths import expanded
from master.intake.secrets.private_file import refuse_others
from master.specs import ClusterSpec, ServerSpec

_MOST_BYTES = 1 << 20


def with_secrets(cluster: ClusterSpec, source: str, environ: Mapping[str, str]) -> ClusterSpec:
    """Return the cluster with the values that `env_from` and `env_file` name.

    Raises ConfigError for a variable that is not set, and a file that cannot be used; `source` is the config.
    """
    servers = tuple(
        replace(server, secrets=dict(_values(server, source, environ))) for server in cluster.servers
    )
    return replace(cluster, servers=servers)


def _values(server: ServerSpec, source: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if server.env_file is not None:
        yield from read_env_file(expanded(Path(server.env_file), source))
    for name in server.env_from:
        if name not in environ:
            advice = f"`export {name}=…` before you give the command, or take it out of `env_from`"
            raise ConfigError(source, "env_from", f"{name} is not set here: {advice}")
        yield name, environ[name]


def read_env_file(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the assignments of a file that only its owner can read.  Raises ConfigError."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), "", f"`env_file` cannot be read: {error.strerror}") from error
    refuse_others(path, mode)
    if len(data) > _MOST_BYTES:
        raise ConfigError(str(path), "", "is larger than 1 MiB: is it the right file?")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "", "is not UTF-8 text") from error
    yield from parse_env_file(text, str(path))


def parse_env_file(text: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield the assignments in the text of an `env_file`.  Raises ConfigError, which shows no value."""
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, value, problem = _assignment(line)
        if not problem and name in seen:
            problem = f"{name} is given twice"
        if problem:
            raise ConfigError(source, f"line {number}", problem)
        seen.add(name)
        yield name, value


def _assignment(line: str) -> tuple[str, str, str]:
    """Return name, value, and what is wrong, which does not show the value."""
    left, equals, value = line.strip().removeprefix("export ").partition("=")
    name = left.strip()
    if not equals or left != left.rstrip():
        return name, "", "must be NAME=value, with no space before the ="
    if problem := name_problem(name):
        return name, "", problem
    if "\0" in value:
        return name, "", f"the value of {name} holds a NUL"
    quote = value[:1] if value[:1] in ("'", '"') else ""
    if not quote:
        return name, value, ""
    if len(value) < 2 or not value.endswith(quote) or quote in value[1:-1]:
        return name, "", f"the value of {name} begins with {quote} and must end with the next one"
    return name, value[1:-1], ""
