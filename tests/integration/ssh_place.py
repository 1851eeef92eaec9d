"""An sshd whose client files a test may spoil."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from master.adapters.ssh_session import SshSession
from master.errors import WorkerUnusable
from master.specs import ClusterSpec, ServerSpec
from tests.support.needs import UnavailableError, missing
from tests.support.sshd import LoopbackSshd

PATIENCE_S = 30


class Place:
    """An sshd whose client files a test may spoil."""

    def __init__(self, sshd: LoopbackSshd) -> None:
        self.sshd, self.user = sshd, sshd.user
        files = sshd.client
        self.config, self.known_hosts, self.key = files.config, files.known_hosts, files.key
        self.cluster = ClusterSpec((), ssh_config=str(self.config), known_hosts=str(self.known_hosts))
        self.server = ServerSpec(sshd.name, sshd.name)
        self.direct = ServerSpec("direct", "127.0.0.1", sshd.user, sshd.port, str(files.key))

    def session(self, server: ServerSpec | None = None, *, connect_timeout_s: float = 15) -> SshSession:
        return SshSession(server or self.server, self.cluster, connect_timeout_s=connect_timeout_s)

    def says(self, server: ServerSpec | None = None) -> str:
        """Return what a session's first command says of the worker."""
        with self.session(server) as session:
            return session.run(["printf", "%s", "it works"]).stdout.decode()

    def refusal(self, server: ServerSpec | None = None) -> str:
        """Return why a worker is of no use."""
        with self.session(server) as session, pytest.raises(WorkerUnusable) as caught:
            session.run(["true"])
        return str(caught.value)


@contextlib.contextmanager
def started(directory: Path, options: str = "") -> Iterator[LoopbackSshd]:
    try:
        with LoopbackSshd(directory, options) as sshd:
            yield sshd
    except UnavailableError as reason:
        missing(str(reason))


def await_true(check: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def via_jump(place: Place, *extra: str) -> ServerSpec:
    lines = (
        "Host inner",
        "  HostName localhost",
        f"  Port {place.sshd.port}",
        f"  ProxyJump {place.sshd.name}",
    )
    place.config.write_text("\n".join((*lines, *extra, place.config.read_text())))
    line = next(iter(place.known_hosts.read_text().splitlines())).split(maxsplit=1)[1]
    with place.known_hosts.open("a") as known:
        known.write(f"[localhost]:{place.sshd.port} {line}\n")
    return ServerSpec("inner", "inner")
