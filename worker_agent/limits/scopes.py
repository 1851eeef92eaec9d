"""Limits that the kernel keeps in a scope that the user's systemd makes, where no group may be made here."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path
from typing import List, Optional, Sequence

from worker_agent.core.excess import Aftermath, Usage, problem_of
from worker_agent.limits.base import Held, Hold, Table
from worker_agent.limits.cgroups import Group, group_of, threads_for
from worker_agent.limits.watched import Watched
from worker_agent.protocol.terms import SCOPE, JobLimits

_PROGRAM = "systemd-run"
_NAME = "twophase-job-"
_PATIENCE_S = 5.0
_NEAR = 0.8
"""A job that was killed, last seen with so much of its memory, had reached its limit: its scope is gone then,
with what the kernel counted."""


class ScopeBounds:
    """Runs commands by `systemd-run --user --scope`, which becomes the command once the scope is there."""

    how = SCOPE
    apart = "its limits are kept by a scope of systemd, which begins with a process"

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def command(self, argv: Sequence[str], limits: JobLimits) -> List[str]:
        """Return the command that runs another in a scope of its own."""
        unit = f"--unit={_NAME}{os.getpid()}-{next(self._numbers)}"
        return [*_call(), unit, *_properties(limits), "--", *argv]

    def hold(self, attempt: Held) -> "Scope":
        """Return what looks into the scope once it is there."""
        return Scope(attempt)


class Scope:
    """The scope of one attempt."""

    def __init__(self, attempt: Held) -> None:
        self._attempt, self._watched = attempt, Watched(attempt)
        self._group: Optional[Group] = None
        self._most = Usage()

    def usage(self, table: Table) -> Usage:
        """Return what the kernel counts, or what can be seen before the scope is there."""
        usage = self._hold().usage(table)
        if (usage.memory_bytes or 0) > (self._most.memory_bytes or 0) or usage.denied_memory:
            self._most = usage
        return usage

    def kill(self) -> None:
        """End all of its processes."""
        self._hold().kill()

    def release(self) -> Aftermath:
        """Say whether the kernel has ended it because of its limit, as far as that was seen."""
        allowed, seen = self._attempt.limits.memory_bytes, self._most.memory_bytes
        is_near = allowed is not None and seen is not None and seen >= _NEAR * allowed
        if self._most.denied_memory:
            return Aftermath(problem_of(self._attempt.limits, self._most))
        reached = Usage(seen, denied_memory=True)
        return Aftermath(if_killed=problem_of(self._attempt.limits, reached) if is_near else "")

    def _hold(self) -> Hold:
        if self._group is None:
            path = group_of(self._attempt.pid)
            if path is not None and path.name.startswith(_NAME):
                self._group = Group(path, self._attempt.limits)
        return self._group or self._watched


def available(directory: Optional[Path] = None) -> bool:
    """Return whether a user manager answers that makes scopes with limits; asked only where there is one."""
    place = directory or Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    if shutil.which(_PROGRAM) is None or not (place / "systemd" / "private").exists():
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
    return [shutil.which(_PROGRAM) or _PROGRAM, "--user", "--scope", "--quiet", "--collect"]


def _properties(limits: JobLimits) -> List[str]:
    found = []
    if limits.memory_bytes is not None:
        found += [f"--property=MemoryMax={limits.memory_bytes}", "--property=MemorySwapMax=0"]
    if limits.processes is not None:
        found.append(f"--property=TasksMax={threads_for(limits.processes)}")
    return found
