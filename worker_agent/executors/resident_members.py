"""Jobs of a group, as the function that trains them sees them: `worker_agent.protocol.members` says how."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Any, Callable, Dict, List, Mapping, Sequence, TextIO

Tell = Callable[[Dict[str, Any]], None]


def open_log(descriptor: int) -> TextIO:
    """Return the stream that writes to a job's log."""
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")


def close_log(output: TextIO) -> None:
    """Close a job's log; what a full disk does not take is lost, and nothing else with it."""
    with contextlib.suppress(OSError):
        output.close()


class GroupMember:
    """One job of a group."""

    def __init__(self, request: Mapping[str, Any], files: Sequence[int], tell: Tell) -> None:
        """`files` are its log and perhaps the lock of its slot; `tell` tells the agent."""
        log, *self._locks = files
        self.argv: List[str] = request["argv"]
        self.environ: Dict[str, str] = request["env"]
        self.directory: str = request["cwd"]
        self.output = open_log(log)
        self.has_finished = False
        self._number, self._tell = request["id"], tell
        self._stopped = threading.Event()

    def cancelled(self) -> bool:
        """Return whether it is to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Ask it to end."""
        self._stopped.set()

    def finish(self, code: int) -> None:
        """Tell its exit code.  Raises RuntimeError for a second one."""
        if self.has_finished:
            raise RuntimeError(f"{self.directory} has finished before: a job ends once")
        self._end({"code": code})

    def lose(self, why: str) -> None:
        """Tell that it has to be tried again, alone."""
        self._end({"lost": why})

    def _end(self, how: Dict[str, Any]) -> None:
        self.has_finished = True
        close_log(self.output)
        for descriptor in self._locks:
            os.close(descriptor)
        self._tell({"id": self._number, **how})


class Everyone:
    """A stream that all members of a group that have not finished hear: nobody knows whom it concerns."""

    def __init__(self, members: Sequence[GroupMember]) -> None:
        self._members = members

    def write(self, text: str) -> int:
        """Write to all of their logs."""
        for member in self._members:
            if not member.has_finished:
                with contextlib.suppress(OSError):  # a full disk is no reason to tell the others less
                    member.output.write(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines are written at once."""

    def isatty(self) -> bool:
        """Return that nobody looks."""
        return False
