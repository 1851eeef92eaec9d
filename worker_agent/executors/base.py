"""The protocol of all executors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Protocol, Tuple

Key = Tuple[str, int]
"""Job id and attempt."""


class StartError(Exception):
    """An attempt could not be started; the text is for the user."""


@dataclass(frozen=True)
class Task:
    """What an executor is asked to run."""

    argv: List[str]
    """The first word is an absolute path."""
    env: Dict[str, str]
    cwd: Path
    log: Path
    """Gets standard output and standard error."""
    mark: str = ""
    """`NAME=value` of the environment, unique to this attempt: tells descendants that left the group."""
    keep_fd: Optional[int] = None
    """A descriptor that stays open as long as anything of the task lives: the slot's lock."""
    executor: str = "process"
    """Which executor is to run it; see `choice.Executors`."""


@dataclass(frozen=True)
class Exit:
    """A task is over and nothing of it runs any more."""

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
    traceless: bool = False
    """Nothing that it started is left even where it has hidden: nobody can still write to its files."""


@dataclass(frozen=True)
class Started:
    """What became of a task whose start took a while."""

    key: Key
    pid: int
    problem: str = ""
    """Why it could not be started; empty where it was."""


class Executor(Protocol):
    """Runs tasks.  No method blocks."""

    def start(self, key: Key, task: Task) -> Optional[int]:
        """Start a task and return its pid, None where `started` is going to tell it.  Raises StartError."""

    def started(self) -> List[Started]:
        """Return what became of the starts under way; tasks that were stopped meanwhile only end."""

    def stop(self, key: Key, grace_s: float) -> None:
        """Ask a task to end by SIGINT, after `grace_s` by SIGTERM, and after as long again SIGKILL it.

        A second call can only shorten the times.  An unknown key is ignored.
        """

    def poll(self) -> List[Exit]:
        """Return the tasks that ended since the last call."""

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if no child ends; None for never."""
