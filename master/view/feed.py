"""What a view remembers between two refreshes: cheap to add to, from any thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from master.core.running.commands import Transition
from master.core.running.events import Attempt
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.core.running.summary import Tally
from master.view.lines import Kind, Line, line_of
from master.view.wording import clean


@dataclass
class Active:
    """An attempt that runs."""

    task_id: str
    attempt: int
    worker: str
    started_at: float | None
    """None where it ran before this view began."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Of its last progress message."""


class Feed:
    """Takes transitions, progress and notes, and gives them out once per refresh."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.tally = Tally()
        self.active: dict[str, Active] = {}
        self._clock = clock
        self._known = False
        self._transitions: deque[Transition] = deque()
        self._notes: deque[Line] = deque()
        self._progress: deque[tuple[str, int, Mapping[str, Any]]] = deque()
        self._details: dict[Attempt, dict[str, Any]] = {}

    def transition(self, transition: Transition) -> None:
        self._transitions.append(transition)

    def progress(self, task_id: str, attempt: int, detail: Mapping[str, Any]) -> None:
        self._progress.append((task_id, attempt, detail))

    def note(self, text: str) -> None:
        self._notes.append(Line(self._clock(), Kind.NOTE, clean(text)))

    def take(self, state: RunState) -> list[Line]:
        """Bring `tally` and `active` up to date; return what there is to say since the last call."""
        if not self._known:
            self._begin(state)
        lines = self.take_notes()
        while self._transitions:
            transition = self._transitions.popleft()
            record = state.tasks[transition.task_id]
            self.tally.take(transition)
            self._follow(transition)
            if line := line_of(transition, record):
                lines.append(line)
        self._take_progress()
        return lines

    def _begin(self, state: RunState) -> None:
        self._known = True
        self.tally = Tally.of(state)
        for task_id, record in state.tasks.items():
            if record.state is State.RUNNING and record.worker:
                self.active[task_id] = Active(task_id, record.attempt, record.worker, None)

    def _follow(self, transition: Transition) -> None:
        if transition.state is not State.RUNNING:
            self.active.pop(transition.task_id, None)
        elif transition.worker:
            self.active[transition.task_id] = Active(
                transition.task_id, transition.attempt, transition.worker, transition.at
            )

    def take_notes(self) -> list[Line]:
        """Return the notes alone, for when there is no state to be had."""
        return [self._notes.popleft() for _ in range(len(self._notes))]

    def _take_progress(self) -> None:
        """Give the attempts that run what they last said.

        The first word of an attempt may come before the transition that starts it: what belongs to no
        attempt yet is kept until the next call.
        """
        fresh = set()
        for _ in range(len(self._progress)):
            task_id, attempt, detail = self._progress.popleft()
            key = task_id, attempt
            self._details[key] = {**self._details.get(key, {}), **detail}
            fresh.add(key)
        running = {(item.task_id, item.attempt): item for item in self.active.values()}
        self._details = {key: said for key, said in self._details.items() if key in fresh or key in running}
        for key, item in running.items():
            item.detail = self._details.get(key, {})
