"""The processes of this machine at one moment: who started whom, who belongs to which session."""

from __future__ import annotations

import contextlib
import os
from typing import Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional

from worker_agent.system import processes

_STAT_BYTES = 1024
_ENDED = (b"Z", b"X")


class Row(NamedTuple):
    """What is known of a process."""

    parent: int
    session: int


class ProcessTable:
    """Rows by pid, and what can be found by them."""

    def __init__(self, rows: Mapping[int, Row]) -> None:
        self._rows = rows
        self._environments: Dict[int, FrozenSet[bytes]] = {}
        self._children: Dict[int, List[int]] = {}
        self._sessions: Dict[int, List[int]] = {}
        for pid, row in rows.items():
            self._children.setdefault(row.parent, []).append(pid)
            self._sessions.setdefault(row.session, []).append(pid)

    @classmethod
    def read(cls) -> "ProcessTable":
        """Return the table as it is now; what has ended and waits to be reaped is left out."""
        return cls(dict(_rows()))

    def members(self, leader: int, mark: bytes) -> List[int]:
        """Return the processes of an attempt: its session, their descendants, and orphans with its mark.

        An orphan has gone over to the agent, or to the keeper of the agent that started it.
        """
        found: Dict[int, None] = {}
        waiting = [*([leader] if leader in self._rows else []), *self._sessions.get(leader, ())]
        waiting += [pid for pid in self._orphans(leader) if mark in self._environment(pid)]
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found[pid] = None
                waiting += self._children.get(pid, ())
        return list(found)

    def _environment(self, pid: int) -> FrozenSet[bytes]:
        """Return what a process was started with: read once, however many attempts it may belong to."""
        if pid not in self._environments:
            self._environments[pid] = frozenset(processes.environment_of(pid))
        return self._environments[pid]

    def _orphans(self, leader: int) -> Iterator[int]:
        row = self._rows.get(leader)
        for reaper in {os.getpid(), os.getppid(), *([row.parent] if row else [])}:
            yield from (pid for pid in self._children.get(reaper, ()) if self._rows[pid].session != reaper)


def memory_of(pids: Iterable[int]) -> int:
    """Return the bytes that processes have in memory and in swap; what they share counts for each."""
    return sum(sum(_figures(pid, "status", (b"VmRSS:", b"VmSwap:"))) for pid in pids)


def own_memory_of(pids: Iterable[int]) -> int:
    """Return the same with what is shared divided by those who share it: takes a hundred times longer."""
    pids = list(pids)
    shares = {pid: list(_figures(pid, "smaps_rollup", (b"Pss:", b"SwapPss:"))) for pid in pids}
    return sum(sum(found) if found else memory_of([pid]) for pid, found in shares.items())


def _rows() -> Iterator["tuple[int, Row]"]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            text = _read(f"/proc/{name}/stat")
            if text is None:
                continue
            # The program's name is in parentheses and may itself hold spaces and parentheses.
            words = text.rpartition(b")")[2].split(None, 4)
            if len(words) == 5 and words[0] not in _ENDED:
                yield int(name), Row(int(words[1]), int(words[3]))


def _figures(pid: int, name: str, words: Iterable[bytes]) -> Iterator[int]:
    """Yield the figures in a file of a process that stand behind some words, in bytes."""
    text = _read(f"/proc/{pid}/{name}", 8 * _STAT_BYTES) or b""
    for line in text.splitlines():
        if line.startswith(tuple(words)):
            yield int(line.split()[1]) * 1024


def _read(path: str, most: int = _STAT_BYTES) -> Optional[bytes]:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, most)
        finally:
            os.close(descriptor)
    return None
