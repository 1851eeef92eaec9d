"""The protocol of all executors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Protocol, Sequence, Tuple

from worker_agent.core.execution import Exit, Key, Started


@dataclass(frozen=True)
class Invocation:
    """What an executor is asked to run for an attempt."""

    argv: List[str]
    """The first word is an absolute path."""
    env: Dict[str, str]
    cwd: str
    log: str
    """Gets standard output and standard error."""
    mark: str = ""
    """`NAME=value` of the environment, unique to this attempt: tells descendants that left the group."""
    keep_fd: Optional[int] = None
    """A descriptor that stays open as long as anything of the attempt lives: the slot's lock."""
    executor: str = "process"
    """Which executor is to run it; see `choice.Executors`."""
    apart: str = ""
    """Why it has to be a process all the same; empty where it has not."""
    code: str = ""
    """Where the run's code lies that its working directory has a copy of; empty where it has none."""
    slot: str = ""


class Executor(Protocol):
    """Runs attempts.  No method blocks."""

    def start(self, key: Key, invocation: Invocation) -> Optional[int]:
        """Start an attempt and return its pid, None where `started` is going to tell it.

        Raises StartError.
        """

    def start_group(self, group: str, members: Sequence[Tuple[Key, Invocation]]) -> None:
        """Start attempts that train at once; `started` tells of each, also where it has to run alone."""

    def started(self) -> List[Started]:
        """Return what became of the starts under way; attempts that were stopped meanwhile only end."""

    def stop(self, key: Key, grace_s: float) -> None:
        """Ask an attempt to end by SIGINT, after `grace_s` by SIGTERM, and after as long again SIGKILL it.

        A second call can only shorten the times.  An unknown key is ignored.
        """

    def poll(self) -> List[Exit]:
        """Return the attempts that ended since the last call."""

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if no child ends; None for never."""
