"""Which ready job a worker with room gets: pure choices over plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from typing import TypeVar

from master.core.planning.plan import Job
from master.core.planning.resources import Resources
from master.core.running.placing.groups import Groups, Jobs, Kind, Ranked, merged
from master.core.running.placing.trainings import Trainings

LOOKAHEAD_S = 0.25
"""Workers hold so many seconds of work in hand, to bridge the way to the master and back."""
MAX_LOOKAHEAD = 256
LEAST_ROOM = 1e-6
"""Room that is smaller is none."""

_Alike = tuple[str, float | None, int | None, Resources]
"""What the choice of a worker and the order depend on."""
_Counted = TypeVar("_Counted", bound=Hashable)


def lookahead(slots: int, mean_duration_s: float | None) -> int:
    """Return how many attempts a worker gets beyond its slots: none unless jobs are very short."""
    if mean_duration_s is None:
        return 0
    return min(MAX_LOOKAHEAD, int(slots * LOOKAHEAD_S / max(mean_duration_s, 1e-4)))


def _count_down(counts: Counter[_Counted], key: _Counted) -> None:
    """Count one less, and forget what there is none of any more."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


class ReadyJobs:
    """Jobs that may start, grouped by the base model that they start from and by kind."""

    def __init__(self) -> None:
        self.trainings = Trainings()
        self.groups = Groups()
        """Those that train no base model."""
        self.added = 0
        """How often a job has become ready."""
        self.gpu_bytes: Counter[int] = Counter()
        """How many jobs say that they need so much GPU memory."""
        self.resources: Counter[Resources] = Counter()
        """How many jobs need this of a machine."""
        self._size = 0
        self._kinds: Counter[Kind] = Counter()
        self._numbers: dict[_Alike, Kind] = {}
        """Numbers, for what they stand for takes long to hash."""
        self._samples: dict[Kind, Job] = {}
        self._siblings: dict[str, dict[str, None]] = {}
        """Ids of the jobs that can train at once, where there are such."""

    def __len__(self) -> int:
        return self._size

    def __contains__(self, job: Job) -> bool:
        return job.job_id in self._container(job)

    def _container(self, job: Job) -> Jobs:
        return self.trainings if job.makes else self.groups.jobs(job.needs, self._kind(job))

    def _kind(self, job: Job) -> Kind:
        alike = job.kind, job.expected_s, job.gpu_bytes, job.resources
        return self._numbers.setdefault(alike, len(self._numbers))

    def add(self, job: Job, *, again: bool = False) -> None:
        """Put a job at the end of its group, one that comes again before those that do not."""
        if job in self:
            return
        self.added += 1
        self._size += 1
        self.resources[job.resources] += 1
        if job.gpu_bytes is not None:
            self.gpu_bytes[job.gpu_bytes] += 1
        if job.siblings:
            self._siblings.setdefault(job.siblings, {})[job.job_id] = None
        if job.makes:
            self.trainings.put(job, again=again)
            return
        kind = self._kind(job)
        self._kinds[kind] += 1
        self._samples.setdefault(kind, job)
        self.groups.add(job, kind, again=again)

    def discard(self, job: Job) -> None:
        """Take a job out if it is in."""
        if job not in self:
            return
        self._size -= 1
        _count_down(self.resources, job.resources)
        if job.gpu_bytes is not None:
            _count_down(self.gpu_bytes, job.gpu_bytes)
        if job.siblings:
            self._part(job)
        if job.makes:
            self.trainings.part(job)
            return
        kind = self._kind(job)
        _count_down(self._kinds, kind)
        if kind not in self._kinds:
            del self._samples[kind]
        self.groups.take(job, kind)

    def _part(self, job: Job) -> None:
        """Take a job out of its siblings."""
        siblings = self._siblings[job.siblings]
        del siblings[job.job_id]
        if not siblings:
            del self._siblings[job.siblings]

    def siblings(self, job: Job) -> Collection[str]:
        """Return the ids of the jobs that can train at once with a job, itself included, the oldest first."""
        return self._siblings.get(job.siblings, {}).keys()

    def hold(self, worker: str, spec_hash: str) -> None:
        """Note that a worker has the base model."""
        self.groups.hold(worker, spec_hash)
        self.trainings.hold(worker, spec_hash)

    def larger_than(self, gpu_bytes: int) -> list[Job]:
        """Return the jobs that say that they need more GPU memory."""
        return [job for job in self._all() if (job.gpu_bytes or 0) > gpu_bytes]

    def with_resources(self, resources: Resources) -> list[Job]:
        """Return the jobs that need just this of a machine."""
        return [job for job in self._all() if job.resources == resources]

    def _all(self) -> Iterator[Job]:
        yield from self.trainings
        yield from self.groups.all_jobs()

    def candidates(
        self,
        worker: str,
        expected_s: Callable[[Job], float],
        fits: Callable[[Job], bool] = lambda job: True,
    ) -> Iterator[Job]:
        """Yield the jobs for a worker, the best first.

        `fits` is asked of one job of each kind, and tells whether the worker can ever run such.

        A higher priority goes before all else.  Base models to train come first, for others wait for them:
        before the others those that start from one which the worker holds, or from none.
        Then more GPUs: a job on several waits for the first worker that can have them, and jobs on one, which
        find room anywhere, do not keep coming before it.  Then what needs no transfer, the longest first;
        then the rest, where the base model with most work for each worker that holds it goes first.
        The jobs must not change while it is in use.
        """
        if len(self._samples) == 1 and not self.trainings:  # all are alike, as in most sweeps
            [(kind, job)] = self._samples.items()
            yield from self._of_kinds(worker, {kind: -expected_s(job)} if fits(job) else {})
            return
        for priority in sorted({each.priority for each in self.resources}, reverse=True):
            for job in self.trainings.best_first(worker):
                if job.resources.priority == priority and fits(job):
                    yield job
            samples = {
                kind: job
                for kind, job in self._samples.items()
                if job.resources.priority == priority and fits(job)
            }
            for gpus in sorted({job.resources.gpus or 1 for job in samples.values()}, reverse=True):
                own = {kind: job for kind, job in samples.items() if (job.resources.gpus or 1) == gpus}
                yield from self._of_kinds(worker, {kind: -expected_s(job) for kind, job in own.items()})

    def _of_kinds(self, worker: str, kinds: Mapping[Kind, float]) -> Iterator[Job]:
        """Yield the jobs of these kinds: what needs no transfer, then the rest."""
        near: list[Iterator[Ranked]] = []
        for kind, first in kinds.items():
            near += self.groups.without_base(kind, first), self.groups.near(worker, kind, first)
        yield from merged(near)
        yield from merged([self.groups.far(worker, kind, first) for kind, first in kinds.items()])
