"""What the core and those who run attempts tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

Key = Tuple[str, int]
"""Job id and attempt."""


class StartError(Exception):
    """An attempt could not be started; the text is for the user."""

    def __init__(self, problem: str, worker_fault: bool = False) -> None:
        super().__init__(problem)
        self.worker_fault = worker_fault
        """The worker is to blame, not the job."""


@dataclass(frozen=True)
class Started:
    """What became of an attempt whose start took a while."""

    key: Key
    pid: int
    problem: str = ""
    """Why it could not be started; empty where it was."""
    worker_fault: bool = False
    """The worker is to blame for that."""
    alone: bool = False
    """The problem is that of its group: it can run alone, as a process."""


@dataclass(frozen=True)
class Exit:
    """An attempt is over and nothing of it runs any more."""

    key: Key
    exit_code: int
    """Negative: ended by that signal."""
    peak_rss_bytes: Optional[int]
    duration_s: float
    executor: str = "process"
    """What really ran it …"""
    note: str = ""
    """… and why, where that is not what was asked for."""
    problem: str = ""
    """Why it ended, where that was not its own doing: it counts as lost."""
    left_running: Sequence[str] = ()
    """Commands of what it had left running, which has been ended."""
    over_limit: str = ""
    """Which limit it was beyond, if it was ended for that."""
    machine_full: bool = False
    """The kernel has ended some of it because the machine had no memory left."""
    refused: str = ""
    """Why systemd has not begun it, which its limits need."""
    traceless: bool = False
    """Nothing that it started is left even where it has hidden: nobody can still write to its files."""
