"""Limits that the kernel keeps in a scope that the user's systemd makes, where no group may be made here."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import List, Optional, Sequence

from worker_agent.core.excess import Aftermath, Usage, problem_of
from worker_agent.limits.base import Held, Hold, Table
from worker_agent.limits.cgroups import JOB_NAME, Group, job_group_of, threads_for
from worker_agent.limits.watched import Watched
from worker_agent.protocol.terms import SCOPE, JobLimits
from worker_agent.system import processes

_PROGRAM = "systemd-run"
_PATIENCE_S = 5.0
_UNIT = f"--unit={JOB_NAME}"
_ROUND_S, _ASK_S, _LEAST_S = 0.1, 2.0, 0.1
"""Of asking systemd how a scope ended: between two rounds, all together, and that one question has."""

EXIT_REFUSED = 1
_REFUSED = (
    "Failed to start transient scope unit",
    "Failed to connect to bus",
    "Failed to connect to user scope bus",
)
"""What `systemd-run` says where it has not run the command (`src/run/run.c` of systemd)."""


class ScopeBounds:
    """Runs commands by `systemd-run --user --scope`, which becomes the command once the scope is there."""

    how = SCOPE
    apart = "its limits are kept by a scope of systemd, which begins with a process"

    def __init__(self) -> None:
        # A scope that failed may be there still when the number of its agent is another's.
        self._names = (f"{_UNIT}{os.getpid()}-{time.time_ns()}-{number}" for number in itertools.count(1))

    def command(self, argv: Sequence[str], limits: JobLimits) -> List[str]:
        """Return the command that runs another in a scope; itself where systemd has gone: watched then."""
        if not _socket().exists():
            return list(argv)
        return [*_call(), next(self._names), *_properties(limits), "--", *argv]

    def hold(self, attempt: Held) -> "Scope":
        """Return what looks into the scope once it is there."""
        return Scope(attempt)


class Scope:
    """The scope of one attempt."""

    def __init__(self, attempt: Held) -> None:
        self._attempt, self._watched = attempt, Watched(attempt)
        self._group: Optional[Group] = None
        self._unit = _unit_of(attempt.pid)
        self._denied = False

    def usage(self, table: Table) -> Usage:
        """Return what the kernel counts, or what can be seen before the scope is there."""
        usage = self._hold().usage(table)
        self._denied |= usage.denied_memory
        return usage

    def kill(self) -> None:
        """End all of its processes."""
        self._hold().kill()

    def release(self, killed: bool) -> Aftermath:
        """Say whether the kernel has ended it because of its limit: the scope is gone, but systemd knows."""
        memory = self._attempt.limits.memory_bytes
        told = killed and memory is not None and _ran_out_of_memory(self._unit)
        if memory is None or not (told or self._denied):
            return Aftermath()
        return Aftermath(problem_of(self._attempt.limits, Usage(memory, denied_memory=True)))

    def _hold(self) -> Hold:
        if self._group is None:
            path = job_group_of(self._attempt.pid)
            if path is not None:
                self._group = Group(path, self._attempt.limits)
                self._group.die_together()
                self._unit = path.name
        return self._group or self._watched


def refusal(log: str) -> str:
    """Return why systemd has made no scope for a job and thus not begun it, of a log; "" where it has."""
    return log.splitlines()[0] if log.startswith(_REFUSED) else ""


def _unit_of(pid: int) -> str:
    """Return the unit that a process asks for; "" where it has become the job already."""
    words = processes.command_of(pid).split()
    return next((f"{word[len(_UNIT) :]}.scope" for word in words if word.startswith(_UNIT)), "")


def _ran_out_of_memory(unit: str) -> bool:
    """Return whether systemd says that a scope ended for want of memory, which it may take a moment to know.

    A scope that failed is kept until it has been asked for.
    """
    until = time.monotonic() + _ASK_S
    while unit and time.monotonic() < until:
        told = _systemctl(until, "show", "--property=Result,ActiveState", unit)
        if "Result=oom-kill" in told:
            _systemctl(until, "reset-failed", unit)
            return True
        if "ActiveState=inactive" in told or not told:
            return False
        if "ActiveState=failed" in told:
            _systemctl(until, "reset-failed", unit)
            return False
        time.sleep(_ROUND_S)
    return False


def _systemctl(until: float, *words: str) -> str:
    null = subprocess.DEVNULL
    try:
        argv, within_s = ["systemctl", "--user", *words], max(_LEAST_S, until - time.monotonic())
        done = subprocess.run(argv, stdin=null, stdout=-1, stderr=null, timeout=within_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def _socket() -> Path:
    """Return where the user's systemd listens, if there is one: it may go with the user's last session."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}") / "systemd" / "private"


def available() -> bool:
    """Return whether a user manager answers that makes scopes with limits; asked only where there is one."""
    if shutil.which(_PROGRAM) is None or not _socket().exists():
        return False
    try:
        probe = [*_call(), *_properties(JobLimits(1 << 30, 1)), "--", "true"]
        done = subprocess.run(
            probe, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _call() -> List[str]:
    return [shutil.which(_PROGRAM) or _PROGRAM, "--user", "--scope", "--quiet"]


def _properties(limits: JobLimits) -> List[str]:
    found = []
    if limits.memory_bytes is not None:
        found += [f"--property=MemoryMax={limits.memory_bytes}", "--property=MemorySwapMax=0"]
    if limits.processes is not None:
        found.append(f"--property=TasksMax={threads_for(limits.processes)}")
    return found
