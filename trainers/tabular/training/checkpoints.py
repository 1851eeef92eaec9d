"""The file that an interrupted training goes on from: members that are done, and those under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.common.files import read_tensors, write_tensors
from trainers.common.resume import as_json, differences
from trainers.tabular.training.courses import Course

FIRST_SECONDS = 5.0
"""When the file is first written; the pauses then double up to the usual one."""
STATE = "the state of a training (delete it to begin anew)"


class Checkpoint:
    """One such file, or none."""

    def __init__(
        self,
        path: Path | None,
        fingerprint: Mapping[str, Any],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A file of another fingerprint is refused with BadInput; at last `seconds` lie between two."""
        self._path, self._fingerprint, self._seconds = path, as_json(fingerprint), seconds
        self._clock = clock
        self.done: dict[int, Course] = {}
        """Members that have stopped."""
        self.under_way: dict[str, Any] | None = None
        """Of the others that were begun: their numbers, courses and state."""
        self._begun = self._written = clock()
        self._read()

    def finished(self, member: int, course: Course) -> None:
        """Keep a member that has stopped."""
        self.done[member] = course

    @property
    def is_due(self) -> bool:
        """Whether the file was not written a moment ago."""
        pause = min(self._seconds, max(FIRST_SECONDS, self._written - self._begun))
        return self._path is not None and self._clock() - self._written >= pause

    def saw(self, members: list[int], courses: list[Course], state: Mapping[str, Any]) -> None:
        """Write the file, if it is due; `members` are under way."""
        if self.is_due:
            courses_now = [course.state() for course in courses]
            self._write({"members": members, "courses": courses_now, "state": dict(state)})

    def between(self) -> None:
        """Write the file when no member is under way."""
        self._write(None)

    def _write(self, under_way: dict[str, Any] | None) -> None:
        self.under_way = under_way
        if self._path is None:
            return
        done = {str(member): course.state() for member, course in self.done.items()}
        write_tensors(self._path, {"fingerprint": self._fingerprint, "done": done, "under_way": under_way})
        self._written = self._clock()

    def _read(self) -> None:
        if self._path is None or not self._path.exists():
            return
        with reading(self._path, STATE):
            self._take(read_tensors(self._path))

    def _take(self, state: dict[str, Any]) -> None:
        changed = differences(state.get("fingerprint", {}), self._fingerprint)
        if changed:
            raise BadInput(f"{self._path} is of another training ({changed}); delete it to begin anew")
        self.done = {int(member): Course.read(course) for member, course in state["done"].items()}
        under_way = state["under_way"]
        if under_way is not None and {*under_way} != {"members", "courses", "state"}:
            raise ValueError(f"of what is under way it tells {', '.join(map(str, under_way))}")
        self.under_way = under_way
