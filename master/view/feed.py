"""What a view remembers between two refreshes: cheap to add to, from any thread."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from master import steady_clock
from master.core.harmless import clean
from master.core.running.commands import Transition
from master.core.running.events import Attempt
from master.core.running.forecast.tally import Tally
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.runs.notices import Ended, Noted, Notices, Refreshed, Seen, Transitions
from master.view.lines import Kind, Line, line_of
from worker_agent.protocol.reports import Said


@dataclass
class Active:
    """An attempt that runs."""

    job_id: str
    attempt: int
    worker: str
    started_at: float | None
    """None where it ran before this view began."""
    said: Said = field(default_factory=Said)
    """What its progress messages said last."""
    slot: str = ""
    """Empty where it is not known."""


class Feed:
    """Takes transitions, progress and notes, and gives them out once per refresh."""

    def __init__(self, clock: Callable[[], float] = steady_clock.now) -> None:
        self.tally = Tally()
        self.active: dict[str, Active] = {}
        self._clock = clock
        self._known = False
        self._transitions: deque[Transition] = deque()
        self._notes: deque[Line] = deque()
        self._progress: deque[Seen] = deque()
        self._seen: dict[Attempt, Seen] = {}

    def transition(self, transition: Transition) -> None:
        self._transitions.append(transition)

    def progress(self, seen: Seen) -> None:
        self._progress.append(seen)

    def note(self, text: str) -> None:
        self._notes.append(Line(self._clock(), Kind.NOTE, clean(text)))

    def take(self, state: RunState) -> list[Line]:
        """Bring `tally` and `active` up to date; return what there is to say since the last call."""
        if not self._known:
            self._begin(state)
        lines = self.take_notes()
        while self._transitions:
            transition = self._transitions.popleft()
            record = state.jobs[transition.job_id]
            if transition.job_id not in self.tally.states:
                self.tally.add(record, transition.at)
            self.tally.take(transition)
            self._follow(transition)
            if line := line_of(transition, record):
                lines.append(line)
        self._take_progress()
        return lines

    def _begin(self, state: RunState) -> None:
        self._known = True
        self.tally = Tally.of(state, self._clock())
        for job_id, record in state.jobs.items():
            if record.state is State.RUNNING and record.worker:
                self.active[job_id] = Active(job_id, record.attempt, record.worker, None)

    def _follow(self, transition: Transition) -> None:
        if transition.state is not State.RUNNING:
            self.active.pop(transition.job_id, None)
        elif transition.worker:
            self.active[transition.job_id] = Active(
                transition.job_id, transition.attempt, transition.worker, transition.at
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
            seen = self._progress.popleft()
            key = seen.job_id, seen.attempt
            self._seen[key] = _together(self._seen[key], seen) if key in self._seen else seen
            fresh.add(key)
        running = {(item.job_id, item.attempt): item for item in self.active.values()}
        self._seen = {key: seen for key, seen in self._seen.items() if key in fresh or key in running}
        for key in running.keys() & self._seen.keys():
            running[key].said, running[key].slot = self._seen[key].said, self._seen[key].slot or ""


def _together(before: Seen, after: Seen) -> Seen:
    """Return what is known of an attempt: what it does not speak of any more stays as it was."""
    told = {name: value for name, value in vars(after.said).items() if value is not None}
    return replace(after, said=replace(before.said, **told), slot=after.slot or before.slot)


class FedView(ABC):
    """A view that is fed by what a run tells, and shows what is new when it is refreshed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._feed = clock, Feed(clock)
        self._state: RunState | None = None

    def subscribe(self, notices: Notices) -> None:
        """Listen to what is shown."""
        notices.listen(Transitions, self._take)
        notices.listen(Noted, lambda noted: self.note(noted.text))
        notices.listen(Refreshed, lambda now: self.refresh(now.state, now.at))
        notices.listen(Ended, lambda _: self.close())

    def _take(self, told: Transitions) -> None:
        for transition in told.items:
            self.transition(transition, told.state)

    def transition(self, transition: Transition, state: RunState) -> None:
        """Take in what has become of a job."""
        self._state = state
        self._feed.transition(transition)

    def note(self, text: str) -> None:
        """Take in a line for the user."""
        self._feed.note(text)

    @abstractmethod
    def refresh(self, state: RunState, at: float) -> None:
        """Show what is new."""

    @abstractmethod
    def close(self) -> None:
        """Show what is left, and nothing more."""
