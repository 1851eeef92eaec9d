"""What processes of this machine have used, and where they come from, as `/proc` tells."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of_tree(root: int) -> float:
    """Return the seconds of cores that a process and all that came from it have used, ended ones too.

    What has ended counts for whoever waited for it.
    """
    stats = _stats()
    # Of the fields behind the name, in this order: user and system time, and both of children waited for.
    return sum(sum(map(int, stats[pid][11:15])) for pid in _tree({root}, stats) if pid in stats) / _TICKS


def started_with(mark: str) -> set[int]:
    """Return the processes that have something in a variable that they were started with."""
    found = set()
    for pid in _stats():
        with suppress(OSError):
            if mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.add(pid)
    return found


def end_all(mark: str, seconds: float = 10.0) -> None:
    """Kill the processes that were started with a mark, and all that came from them, but for this one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = _tree(started_with(mark), _stats()) - {os.getpid()}
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _tree(roots: Collection[int], stats: dict[int, list[str]]) -> set[int]:
    tree, more = set(roots), True
    while more:
        found = {pid for pid, fields in stats.items() if int(fields[1]) in tree} - tree
        tree, more = tree | found, bool(found)
    return tree


def _stats() -> dict[int, list[str]]:
    """Return the fields behind the name of each process that is not gone."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    found[int(entry.name)] = fields
    return found
