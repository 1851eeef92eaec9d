"""Starts the agent detached from the session that asked for it, at most one for each run and host."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Callable, Iterator, Optional

from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.private_directory import make_private
from worker_agent.runtime.assembly import AgentProcess
from worker_agent.runtime.eviction import Term
from worker_agent.runtime.keeper import keep

_IDLE_S = 30 * 60.0
_TERMINAL_IDLE_S = 5.0
_PREDECESSOR_S, _LOOK_S = 90.0, 0.5
_SET_NAME = 15
_SET_CHILD_SUBREAPER = 36


class AgentHeldError(Exception):
    """Another process is the agent of this run."""


def serve_allocation(layout: StateLayout, digest: str, term: Term, ready: Callable[[], None]) -> None:
    """Be the agent of a seat until its allocation ends; the one of its last allocation may still be ending.

    Raises as `serve`.
    """
    deadline = time.monotonic() + _PREDECESSOR_S
    while True:
        try:
            serve(layout, digest, ready, term)
            return
        except AgentHeldError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK_S)


def serve(layout: StateLayout, digest: str, ready: Callable[[], None], term: Optional[Term] = None) -> None:
    """Be the agent until the run is over; `ready` is called once connections are taken.

    Raises AgentHeldError where there is one already, OSError where the state cannot be written.
    """
    make_private(layout.of_host)
    layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock(layout.lock):
        _introduce()
        agent = AgentProcess(layout, digest, float(os.environ.get("TWOPHASE_AGENT_IDLE_S", _IDLE_S)), term)
        # What is there now stays: searching it for garbage again and again would only cost time.
        gc.freeze()
        ready()
        agent.run()


def start_in_terminal(layout: StateLayout, digest: str) -> Optional[str]:
    """Start an agent in this terminal, which ends soon after its master; return why that failed, or None."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        os.environ["TWOPHASE_AGENT_IDLE_S"] = str(_TERMINAL_IDLE_S)
        code = 1
        try:
            os.setpgid(0, 0)
            code = _become_agent(layout, digest, writer)
        finally:
            os._exit(code)
    return _problem(reader, writer)


def start_detached(layout: StateLayout, digest: str) -> Optional[str]:
    """Start an agent that outlives this process; return why that failed, None if one serves or starts."""
    reader, writer = os.pipe()
    middle = os.fork()
    if middle == 0:
        os.close(reader)
        _fork_again(layout, digest, writer)
    os.waitpid(middle, 0)
    return _problem(reader, writer)


def _problem(reader: int, writer: int) -> Optional[str]:
    """Return what a new agent says before it serves, None if nothing."""
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        return stream.read().decode("utf-8", "replace") or None


def _fork_again(layout: StateLayout, digest: str, writer: int) -> None:
    """Never returns: the child ends, the grandchild becomes the keeper, and its child the agent."""
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            code = keep(lambda: _become_agent(layout, digest, writer), writer, layout.exits)
        else:
            code = 0
    finally:
        os._exit(code)


def _become_agent(layout: StateLayout, digest: str, writer: int) -> int:
    serves = False

    def ready() -> None:
        nonlocal serves
        serves = True
        os.close(writer)

    try:
        make_private(layout.of_host)
        layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _detach(layout.log, writer)
        serve(layout, digest, ready)
        return 0
    except AgentHeldError:
        return 0
    except BaseException as error:
        # Once it serves, nobody listens but the log, and the number of the writer may be another file's.
        if serves or not isinstance(error, OSError):
            traceback.print_exc()
        if not serves:
            _tell(writer, error, layout.log)
    sys.stderr.flush()
    return 1


def _tell(writer: int, error: BaseException, log: Path) -> None:
    problem = f"cannot start the agent: {error}"
    if not isinstance(error, OSError):
        problem = f"the agent failed, see {log}: {traceback.format_exc(limit=-1)}"
    with contextlib.suppress(OSError):
        os.write(writer, problem.encode())


def _detach(log: Path, keep: int) -> None:
    """Leave the session's terminal, files and directory."""
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2 and descriptor != keep:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    os.chdir("/")


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold the run's lock.  Raises AgentHeldError where another process does."""
    deadline = time.monotonic() + 1.0
    while True:
        descriptor = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AgentHeldError(str(path)) from None
        # An agent that forgets its run removes the file; a lock on what was removed guards nothing.
        if _is_at(descriptor, path) or time.monotonic() > deadline:
            break
        os.close(descriptor)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    try:
        yield
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _introduce() -> None:
    """Get a name in `ps`, and become the parent of jobs' orphans, to see those that left their group."""
    # Some Pythons are built without ctypes; both are comforts.
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        library = ctypes.CDLL(None)
        library.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        library.prctl(_SET_NAME, b"twophase-agent", 0, 0, 0)
