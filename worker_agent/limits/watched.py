"""Limits that are kept by looking, where the kernel will not: what is taken between two looks goes unseen."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import List, Sequence

from worker_agent.core.excess import Aftermath, Usage
from worker_agent.limits.base import Held, Table
from worker_agent.limits.process_table import ProcessTable, memory_of, own_memory_of
from worker_agent.protocol.terms import NOT_KEPT, WATCHED, JobLimits

_MOST_ROUNDS = 50
"""Of stopping what is new before all is killed."""


class WatchedBounds:
    """Adds up what `/proc` tells of an attempt's processes."""

    how, apart = WATCHED, ""

    def command(self, argv: Sequence[str], limits: JobLimits) -> List[str]:
        """Return the command as it is."""
        return list(argv)

    def hold(self, attempt: Held) -> "Watched":
        """Remember the attempt."""
        return Watched(attempt)


class Watched:
    """The processes of one attempt."""

    def __init__(self, attempt: Held) -> None:
        self._attempt = attempt

    def usage(self, table: Table) -> Usage:
        """Return how many there are, and their memory: a share of what they share, if that matters."""
        pids, allowed = self._members(table()), self._attempt.limits.memory_bytes
        memory = memory_of(pids) if allowed is not None else None
        if allowed is not None and memory is not None and memory > allowed:
            memory = own_memory_of(pids)
        return Usage(memory, len(pids))

    def kill(self) -> None:
        """Stop all that there are until nothing is new, for what is stopped starts nothing, and kill them."""
        known: List[int] = []
        for _ in range(_MOST_ROUNDS):
            found = self._members(ProcessTable.read())
            fresh = set(found).difference(known)
            if not fresh:
                break
            _signal(fresh, signal.SIGSTOP)
            known += fresh
        _signal(known, signal.SIGKILL)

    def release(self, killed: bool) -> Aftermath:
        """Return nothing: nobody but the watch keeps such limits."""
        return Aftermath()

    def _members(self, table: ProcessTable) -> List[int]:
        return table.members(self._attempt.pid, self._attempt.mark)


class NoBounds(WatchedBounds):
    """For systems that do not tell of their processes: nothing of them is kept."""

    how = NOT_KEPT

    def hold(self, attempt: Held) -> "Watched":
        """Return what knows nothing."""
        return _Unknown(attempt)


class _Unknown(Watched):
    def usage(self, table: Table) -> Usage:
        return Usage()

    def kill(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._attempt.pid, signal.SIGKILL)


def _signal(pids: "set[int] | List[int]", number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
