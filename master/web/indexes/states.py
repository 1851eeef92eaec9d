"""Jobs by where they stand, and in the order of their last change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from master.core.planning.plan import Job
from master.view.answers.states import STATES


class StateIndex:
    """Plain data, changed by `add` and `move` alone."""

    def __init__(self) -> None:
        self.by_state: dict[str, dict[str, None]] = {state: {} for state in STATES}
        """In the order in which they came to the state."""
        self.changed: dict[str, None] = {}
        """All, who has changed last at the end."""
        self.of_base: dict[str, Counter[str]] = {}
        """States of the jobs that start from a base model, by its `spec_hash`."""

    def add(self, job: Job, state: str) -> None:
        """Take in a job that is new."""
        self.by_state[state][job.job_id] = self.changed[job.job_id] = None
        if job.needs:
            self.of_base.setdefault(job.needs, Counter())[state] += 1

    def move(self, job: Job, before: str, after: str) -> None:
        """Take in a transition."""
        job_id = job.job_id
        del self.changed[job_id]
        self.changed[job_id] = None
        if before == after:
            return
        del self.by_state[before][job_id]
        self.by_state[after][job_id] = None
        if job.needs:
            counts = self.of_base[job.needs]
            counts[before] -= 1
            counts[after] += 1

    def in_order(self, *, reverse: bool = False) -> Iterator[str]:
        """Yield all jobs: what needs somebody comes first, else last."""
        for state in reversed(STATES) if reverse else STATES:
            yield from self.by_state[state]
