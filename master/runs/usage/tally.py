"""Adds up what workers say of how much of them is in use, for each phase while it goes on."""

from __future__ import annotations

from master.core.machine_use import WorkerUsed
from master.core.running.records import RunState
from master.runs.notices import Notices, Sampled
from master.runs.snapshot import PHASES


class UsageTally:
    """An observer of one run."""

    def __init__(self, state: RunState) -> None:
        """`state` is looked at on the dispatcher's thread."""
        self._state = state
        self._begun = set[int]()
        self.used: dict[int, dict[str, WorkerUsed]] = {phase: {} for phase in PHASES}
        """By phase: from its first attempt to its last, all workers that tell, busy or not."""

    def subscribe(self, notices: Notices) -> None:
        """Hear what workers say."""
        notices.listen(Sampled, self.take)

    def take(self, sampled: Sampled) -> None:
        """Add a sample to the phases that go on."""
        view = self._state.workers.get(sampled.worker)
        for job_id, _ in view.attempts if view else ():
            self._begun.add(self._state.jobs[job_id].job.phase)
        sample = WorkerUsed.of(sampled.usage)
        for used in (self.used[phase] for phase in self._begun if self._goes_on(phase)):
            used[sampled.worker] = used.get(sampled.worker, WorkerUsed()).plus(sample)

    def _goes_on(self, phase: int) -> bool:
        state = self._state
        return bool(state.open_phase1 if phase == 1 else state.open_jobs - state.open_phase1)
