"""Which ready job a worker with room gets: pure choices over plain data."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from typing import TypeVar

from master.core.planning.plan import Job
from master.core.planning.resources import Resources

LOOKAHEAD_S = 0.25
"""Workers hold so many seconds of work in hand, to bridge the way to the master and back."""
MAX_LOOKAHEAD = 256

_Counted = TypeVar("_Counted", bound=Hashable)


def lookahead(slots: int, mean_duration_s: float | None) -> int:
    """Return how many attempts a worker gets beyond its slots: none unless jobs are very short."""
    if mean_duration_s is None:
        return 0
    return min(MAX_LOOKAHEAD, int(slots * LOOKAHEAD_S / max(mean_duration_s, 1e-4)))


_Kind = tuple[str, float | None, int | None, Resources]


def _count_down(counts: Counter[_Counted], key: _Counted) -> None:
    """Count one less, and forget what there is none of any more."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _kind(job: Job) -> _Kind:
    """Return what the choice of a worker and the order depend on."""
    return job.kind, job.expected_s, job.gpu_bytes, job.resources


class ReadyJobs:
    """Jobs that may start, grouped by the base model that they start from and by kind."""

    def __init__(self) -> None:
        self._phase1: dict[str, Job] = {}
        self._groups: dict[str | None, dict[_Kind, dict[str, Job]]] = {}
        self.gpu_bytes: Counter[int] = Counter()
        """How many jobs say that they need so much GPU memory."""
        self.resources: Counter[Resources] = Counter()
        """How many jobs need this of a machine."""
        self._sizes: Counter[str | None] = Counter()
        self._holders: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._phase1) + self._sizes.total()

    def __contains__(self, job: Job) -> bool:
        return job.job_id in self._container(job)

    def _container(self, job: Job) -> Mapping[str, Job]:
        if job.makes:
            return self._phase1
        return self._groups.get(job.needs, {}).get(_kind(job), {})

    def add(self, job: Job) -> None:
        """Put a job at the end of its group."""
        if job in self:
            return
        self.resources[job.resources] += 1
        if job.gpu_bytes is not None:
            self.gpu_bytes[job.gpu_bytes] += 1
        if job.makes:
            self._phase1[job.job_id] = job
            return
        kinds = self._groups.setdefault(job.needs, {})
        kinds.setdefault(_kind(job), {})[job.job_id] = job
        self._sizes[job.needs] += 1

    def discard(self, job: Job) -> None:
        """Take a job out if it is in."""
        if job not in self:
            return
        _count_down(self.resources, job.resources)
        if job.gpu_bytes is not None:
            _count_down(self.gpu_bytes, job.gpu_bytes)
        if job.makes:
            del self._phase1[job.job_id]
            return
        kinds = self._groups[job.needs]
        kind = _kind(job)
        del kinds[kind][job.job_id]
        self._sizes[job.needs] -= 1
        if not kinds[kind]:
            del kinds[kind]
        if not kinds:
            del self._groups[job.needs]

    def hold(self, spec_hash: str | None) -> None:
        """Note that one more worker has the base model."""
        self._holders[spec_hash] += 1

    def larger_than(self, gpu_bytes: int) -> list[Job]:
        """Return the jobs that say that they need more GPU memory."""
        return [job for job in self._all() if (job.gpu_bytes or 0) > gpu_bytes]

    def with_resources(self, resources: Resources) -> list[Job]:
        """Return the jobs that need just this of a machine."""
        return [job for job in self._all() if job.resources == resources]

    def _all(self) -> Iterator[Job]:
        groups = (jobs for kinds in self._groups.values() for jobs in kinds.values())
        return (job for jobs in (self._phase1, *groups) for job in jobs.values())

    def candidates(
        self,
        held: Collection[str],
        expected_s: Callable[[Job], float],
        fits: Callable[[Job], bool] = lambda job: True,
    ) -> Iterator[Job]:
        """Yield the jobs for a worker that holds the base models `held`, the best first.

        `fits` is asked of one job of each kind, and tells whether the worker can ever run such.

        A higher priority goes before all else.  Base models to train come first, for others wait for them.
        Then what needs no transfer, the longest first; then the rest, where the base model with most work for
        each worker that holds it goes first.
        The jobs must not change while it is in use.
        """
        for priority in sorted({each.priority for each in self.resources}, reverse=True):

            def counts(job: Job, priority: int = priority) -> bool:
                return job.resources.priority == priority and fits(job)

            yield from self._by_nearness(held, expected_s, counts)

    def _by_nearness(
        self, held: Collection[str], expected_s: Callable[[Job], float], fits: Callable[[Job], bool]
    ) -> Iterator[Job]:
        yield from filter(fits, self._phase1.values())
        near = [spec for spec in (None, *held) if spec in self._groups]
        yield from self._ranked(near, expected_s, fits)
        seen = set(near)
        yield from self._ranked([spec for spec in self._groups if spec not in seen], expected_s, fits)

    def _ranked(
        self, specs: list[str | None], expected_s: Callable[[Job], float], fits: Callable[[Job], bool]
    ) -> Iterator[Job]:
        ranked: list[tuple[float, float, int, dict[str, Job]]] = []
        for spec in specs:
            crowding = -self._sizes[spec] / (1 + self._holders[spec])
            for jobs in self._groups[spec].values():
                first = next(iter(jobs.values()))
                if fits(first):
                    ranked.append((-expected_s(first), crowding, len(ranked), jobs))
        heapq.heapify(ranked)
        while ranked:
            yield from heapq.heappop(ranked)[-1].values()
