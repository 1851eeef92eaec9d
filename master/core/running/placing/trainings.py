"""Ready trainings of base models, some of which start from another that a worker holds or lacks."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.planning.plan import Job
from master.core.running.placing.groups import Jobs


class Trainings(Jobs):
    """Those that were given out before go first, then the others as they came."""

    def __init__(self) -> None:
        super().__init__()
        self._with_parent = 0
        """How many start from another base model."""
        self._held: set[tuple[str, str]] = set()
        """Worker and `spec_hash`."""

    def put(self, job: Job, *, again: bool = False) -> None:
        """Take a job in that is not here."""
        self._with_parent += job.needs is not None
        super().put(job, again=again)

    def part(self, job: Job) -> None:
        """Take a job out that is here."""
        self._with_parent -= job.needs is not None
        self.take(job.job_id)

    def hold(self, worker: str, spec_hash: str) -> None:
        """Note that a worker has a base model."""
        self._held.add((worker, spec_hash))

    def is_near(self, worker: str, job: Job) -> bool:
        """Tell whether a worker holds what a job starts from; True where that is nothing."""
        return job.needs is None or (worker, job.needs) in self._held

    def best_first(self, worker: str) -> Iterator[Job]:
        """Yield the jobs for a worker: what needs no transfer, then the rest."""
        if not self._with_parent:
            yield from self
            return
        far = [job for job in self if not self.is_near(worker, job)]
        yield from (job for job in self if self.is_near(worker, job))
        yield from far
