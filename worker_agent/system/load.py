"""How busy the cores of this machine are, and how much of its memory is in use, by whomever."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Optional, Tuple

PROC = Path("/proc")
_TIMES = 8
"""Of the kernel's kinds of time: what guests use is in the first of them already."""
_IDLE = (3, 4)
"""Idle, and waiting for a disk."""


class CpuMeter:
    """Tells how busy the cores were between two looks."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._before = self._times()

    def percent(self) -> Optional[float]:
        """Return the share of all cores that was busy since the last call; None where that cannot be told."""
        now, before = self._times(), self._before
        self._before = now
        if not now or not before:
            return None
        spent = [later - earlier for later, earlier in zip(now, before)]
        total, idle = sum(spent), sum(spent[place] for place in _IDLE)
        return round(min(100.0, max(0.0, 100.0 * (total - idle) / total)), 1) if total > 0 else None

    def _times(self) -> List[int]:
        try:
            first = (self._proc / "stat").read_text(encoding="ascii", errors="replace").partition("\n")[0]
            name, *times = first.split()
            return list(map(int, times[:_TIMES])) if name == "cpu" and len(times) >= _TIMES else []
        except (OSError, ValueError):
            return []


def memory(proc: Path = PROC) -> Tuple[int, int]:
    """Return the bytes of memory in use, and those that there are; zeros where that cannot be told."""
    found: Dict[str, int] = {}
    try:
        for line in (proc / "meminfo").read_text(encoding="ascii", errors="replace").splitlines():
            name, _, amount = line.partition(":")
            if amount.endswith(" kB"):
                found[name] = int(amount.split()[0]) * 1024
        return found["MemTotal"] - found["MemAvailable"], found["MemTotal"]
    except (OSError, ValueError, KeyError, IndexError):
        return 0, 0
