"""Limits that the kernel keeps: a control group (version 2) for each attempt, where the user may make some.

The kernel counts threads, and users count processes: their number is looked at, and the kernel's own bound
only keeps a job from outrunning that.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from worker_agent.core.excess import Aftermath, Usage, problem_of
from worker_agent.limits.base import Held, Table
from worker_agent.limits.process_table import ProcessTable
from worker_agent.protocol.terms import CGROUP, JobLimits

NEEDED = ("memory", "pids")
"""Controllers without which there is no point."""
JOB_NAME = "twophase-job-"
"""How the groups and scopes of jobs begin."""
_AGENT = "twophase-agent"
_MEMBERS = "cgroup.procs"
_THREADS, _LEAST_THREADS = 64, 1024
"""That the kernel lets a job have: for each process that it may have, and at least."""
_ROUNDS, _ROUND_S = 20, 0.005
"""Of removing a group: those who have left it may take a moment to be gone."""
_LATE_ROUNDS = 3
"""Of moving what an attempt had started before it was in its group."""


class CgroupBounds:
    """Makes groups below one that is ours."""

    how, apart = CGROUP, ""

    def __init__(self, parent: Path, controllers: Sequence[str] = NEEDED) -> None:
        self._parent, self._controllers = parent, controllers
        for path in parent.glob(f"{JOB_NAME}*"):
            if not Path("/proc", path.name[len(JOB_NAME) :].partition("-")[0]).exists():
                # An agent that was killed left it; where a job is still in it, the kernel keeps it.
                with contextlib.suppress(OSError):
                    path.rmdir()
        self._numbers = itertools.count(1)

    def command(self, argv: Sequence[str], limits: JobLimits) -> List[str]:
        """Return the command as it is: its process is put into its group."""
        return list(argv)

    def hold(self, attempt: Held) -> "Group":
        """Put an attempt into a group of its own, or find the one that it is in.  Raises OSError."""
        found = job_group_of(attempt.pid)
        if found is not None:
            return Group(found, attempt.limits)
        path = self._parent / f"{JOB_NAME}{os.getpid()}-{next(self._numbers)}"
        path.mkdir()
        group = Group(path, attempt.limits)
        try:
            for name, value in _settings(attempt.limits, self._controllers):
                _write(path / name, value)
            group.admit(attempt.pid)
        except OSError:
            group.remove()
            raise
        group.admit_late(attempt)
        return group


class Group:
    """A control group that holds one attempt."""

    def __init__(self, path: Path, limits: JobLimits) -> None:
        self._path, self._limits = path, limits

    def admit(self, pid: int) -> None:
        """Move a process here; what it starts from then on begins here.  Raises OSError."""
        _write(self._path / _MEMBERS, str(pid))

    def admit_late(self, attempt: Held) -> None:
        """Move here what an attempt had started before its first process came: a shell takes no time to."""
        for _ in range(_LATE_ROUNDS):
            outside = set(ProcessTable.read().members(attempt.pid, attempt.mark)).difference(self._pids())
            if not outside:
                return
            for pid in outside:
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    self.admit(pid)

    def usage(self, table: Table) -> Usage:
        """Return what the kernel counts."""
        return self._counted()

    def _counted(self) -> Usage:
        processes, events = len(self._pids()), _events(self._path)
        denied = self._limits.memory_bytes is not None and events.get("oom", 0) > 0
        return Usage(_number(self._path / "memory.current"), processes, denied_memory=denied)

    def kill(self) -> None:
        """End all of its processes; the kernel lets none of them get away."""
        with contextlib.suppress(OSError):
            _write(self._path / "cgroup.kill", "1")
            return
        for pid in self._pids():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def die_together(self) -> None:
        """Have the kernel end all of its processes where it ends one."""
        with contextlib.suppress(OSError):
            _write(self._path / "memory.oom.group", "1")

    def release(self, killed: bool) -> Aftermath:
        """Say whom the kernel has ended, and why; remove the group."""
        usage, events = self._counted(), _events(self._path)
        self.kill()
        self.remove()
        if usage.denied_memory:
            return Aftermath(problem_of(self._limits, usage))
        # Who had no limit of memory may have filled the machine itself.
        bounded = self._limits.memory_bytes is not None
        return Aftermath(machine_full=bounded and events.get("oom_kill", 0) > 0)

    def remove(self) -> None:
        """Remove the group once nothing is left in it."""
        for _ in range(_ROUNDS):
            try:
                self._path.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(_ROUND_S)
            else:
                return

    def _pids(self) -> List[int]:
        with contextlib.suppress(OSError):
            return [int(word) for word in (self._path / _MEMBERS).read_text().split()]
        return []


def find_parent(
    needed: Sequence[str] = NEEDED, proc: Path = Path("/proc/self"), changes_nothing: bool = False
) -> Optional[Path]:
    """Return a group in which we may make others and whose members these controllers count; None for none.

    What `changes_nothing` returns a group that could be made one.
    """
    own = own_group(proc)
    if own is None or not own.is_dir():
        return None
    for candidate in (own.parent, own):
        if _may_use(candidate) and set(needed) <= _words(candidate / "cgroup.subtree_control"):
            return candidate
    if not _may_use(own) or not _has_room(own, needed):
        return None
    return own if changes_nothing or _make_room(own, needed) else None


def own_group(proc: Path) -> Optional[Path]:
    """Return the group that a process is in; None where there is no version 2."""
    with contextlib.suppress(OSError):
        mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
        tops = [words[4] for words in mounts if words[words.index("-") + 1] == "cgroup2" and words[3] == "/"]
        places = [
            line.partition("::")[2]
            for line in (proc / "cgroup").read_text().splitlines()
            if line.startswith("0::")
        ]
        if tops and places:
            return Path(tops[0] + places[0].rstrip("/"))
    return None


def group_of(pid: int) -> Optional[Path]:
    """Return the group that another process is in; None where it has ended or there is no version 2."""
    return own_group(Path(f"/proc/{pid}"))


def job_group_of(pid: int) -> Optional[Path]:
    """Return the group that was made for the job that a process is; None for none.

    An agent that is itself part of a job hands that job's group on to its processes: it is not theirs.
    """
    found = group_of(pid)
    is_made = found is not None and found.name.startswith(JOB_NAME)
    return found if is_made and found != group_of(os.getpid()) else None


def _may_use(group: Path) -> bool:
    return (group / _MEMBERS).exists() and all(
        os.access(str(path), os.W_OK) for path in (group, group / _MEMBERS)
    )


def _has_room(own: Path, needed: Sequence[str]) -> bool:
    """Return whether a group is ours alone, and may have what is below it counted."""
    ours = {str(os.getpid()), str(os.getppid())}
    return set(needed) <= _words(own / "cgroup.controllers") and _words(own / _MEMBERS) <= ours


def _make_room(own: Path, needed: Sequence[str]) -> bool:
    """Move ourselves to a group below our own, and have what is below it counted.

    The kernel counts nothing below a group that has processes itself.
    """
    with contextlib.suppress(OSError):
        members = (own / _MEMBERS).read_text().split()
        leaf = own / _AGENT
        leaf.mkdir(exist_ok=True)
        for pid in members:
            _write(leaf / _MEMBERS, pid)
        _write(own / "cgroup.subtree_control", " ".join(f"+{name}" for name in needed))
        return True
    return False


def threads_for(processes: int) -> int:
    """Return how many threads the kernel lets a job have that may have so many processes."""
    return max(_LEAST_THREADS, _THREADS * processes)


def _settings(limits: JobLimits, controllers: Sequence[str]) -> Iterator["tuple[str, str]"]:
    if limits.memory_bytes is not None and "memory" in controllers:
        yield "memory.max", str(limits.memory_bytes)
        yield "memory.oom.group", "1"
        yield "memory.swap.max", "0"
    if limits.processes is not None and "pids" in controllers:
        yield "pids.max", str(threads_for(limits.processes))


def _events(group: Path) -> Dict[str, int]:
    with contextlib.suppress(OSError, ValueError):
        lines = (group / "memory.events").read_text().splitlines()
        return {name: int(count) for name, count in (line.split() for line in lines)}
    return {}


def _number(path: Path) -> Optional[int]:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def _words(path: Path) -> "set[str]":
    with contextlib.suppress(OSError):
        return set(path.read_text().split())
    return set()


def _write(path: Path, text: str) -> None:
    """Write to a file of the kernel's.  Raises OSError; a bound on swap is for kernels that count it."""
    if path.name == "memory.swap.max" and not path.exists():
        return
    descriptor = os.open(str(path), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)
