"""The kinds of session that the contract is checked on, and the programs that it runs there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from master.adapters.allocators.allocator import Allocation, AllocationState
from master.adapters.allocators.seat_session import SeatSession
from master.adapters.local_session import LocalSession
from master.adapters.session import Session
from master.adapters.ssh_session import SshSession
from master.specs import BY_SRUN, BY_SSH, ClusterSpec, ServerSpec
from tests.support.fake_session import NEVER, FakeSession, Reply
from tests.support.sshd import LoopbackSshd

EVERY_BYTE = bytes(range(256))

SHOW_ARGUMENTS = (sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))")
EXIT_WITH = (sys.executable, "-c", "import sys; sys.exit(int(sys.argv[1]))")
COPY_INPUT = (sys.executable, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
BOTH_OUTPUTS = (
    sys.executable,
    "-c",
    "import sys; n = int(sys.argv[1]); b = bytes(range(256)) * n;"
    "sys.stderr.buffer.write(b[::-1]); sys.stdout.buffer.write(b)",
)
MISSING = ("/no/such/program",)
ENDLESS = (sys.executable, "-c", "import time; time.sleep(600)")
ECHO = ("cat",)
LAST_WORDS = ("sh", "-c", "seq 100 >&2; echo 'cannot go on:' >&2; printf 'no room' >&2")
SAY_AND_END = ("printf", "bye")


@dataclass
class World:
    """A session, a place on its worker, and how to break its link (None where there is none to break)."""

    session: Session
    base: str
    """Absolute; the worker may write below it."""
    drop_link: Callable[[], None] | None
    home: Callable[[], Path]
    """The home directory on the worker, on this machine's disk."""
    line_end: bytes = b""
    """What must follow for what a command says on a channel to come at once."""
    root: Path = Path("/")
    """What `/` on the worker is on this machine."""

    def there(self, path: str) -> Path:
        """Return where a path on the worker is on this machine."""
        if path.startswith("~/"):
            return self.home() / path[2:]
        return self.root / path.lstrip("/")


@contextmanager
def local_world(directory: Path) -> Iterator[World]:
    """The head node as a worker."""
    with LocalSession() as session:
        yield World(session, str(directory), None, Path.home)


@contextmanager
def ssh_world(directory: Path, sshd: LoopbackSshd) -> Iterator[World]:
    """A worker behind an sshd."""
    with ssh_session(sshd) as session:
        yield World(session, str(directory), sshd.drop_connections, lambda: sshd.home)


def ssh_session(sshd: LoopbackSshd) -> SshSession:
    """Return a session with the files that the sshd's client has."""
    files = sshd.client
    cluster = ClusterSpec((), ssh_config=str(files.config), known_hosts=str(files.known_hosts))
    return SshSession(ServerSpec(sshd.name, sshd.name), cluster)


@contextmanager
def seat_world(directory: Path, allocation: Allocation) -> Iterator[World]:
    """A seat whose allocation runs on a node of a Slurm on this machine."""
    with SeatSession(LocalSession(), allocation.seat, lambda: allocation, BY_SRUN) as session:
        yield World(session, str(directory), None, Path.home, line_end=b"\n")


@contextmanager
def seat_by_ssh_world(directory: Path, programs: Path) -> Iterator[World]:
    """A seat whose node is reached by the login host's `ssh`, here one that runs what it is given by a shell.

    The folder `programs` has to be the first on `PATH`.
    """
    programs.mkdir()
    for name, script in (("ssh", 'for last; do :; done\nexec sh -c "$last"'), ("sbatch", "exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    allocation = Allocation("hpc.1", "7", AllocationState.RUNNING, node="n4")
    with SeatSession(LocalSession(), allocation.seat, lambda: allocation, BY_SSH) as session:
        yield World(session, str(directory), None, Path.home)


@contextmanager
def fake_world(directory: Path) -> Iterator[World]:
    """A worker that is played."""
    with FakeSession(root=directory) as session:
        _script(session)
        yield World(session, "/data", session.drop_link, lambda: directory / "home", root=directory)


def _script(session: FakeSession) -> None:
    def show(rest: tuple[str, ...], stdin: bytes) -> Reply:
        return Reply(stdout=json.dumps(rest).encode() + b"\n")

    def outputs(rest: tuple[str, ...], stdin: bytes) -> Reply:
        both = EVERY_BYTE * int(rest[0])
        return Reply(stdout=both, stderr=both[::-1])

    session.script(*SHOW_ARGUMENTS, behaviour=show)
    session.script(*BOTH_OUTPUTS, behaviour=outputs)
    session.script(*EXIT_WITH, behaviour=lambda rest, stdin: Reply(int(rest[0])))
    session.script(*COPY_INPUT, behaviour=lambda rest, stdin: Reply(stdout=stdin))
    session.script(*MISSING, behaviour=Reply(127, stderr=b"not found"))
    session.script(*ENDLESS, behaviour=lambda rest, stdin: NEVER)
    session.script_channel(*ECHO, listener=lambda data: data or None)
    session.script_channel(*SAY_AND_END, listener=lambda data: None)
    session.script_channel(*LAST_WORDS, listener=lambda data: None)
    session.script_channel(*ENDLESS, listener=lambda data: b"")
