"""Which ready job a worker with room gets: pure choices over plain data."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from master.core.planning.plan import Job
from master.core.planning.resources import Resources
from master.core.running.placing.ranking import Ranking, Standing

LOOKAHEAD_S = 0.25
"""Workers hold so many seconds of work in hand, to bridge the way to the master and back."""
MAX_LOOKAHEAD = 256
LEAST_ROOM = 1e-6
"""Room that is smaller is none."""

_Counted = TypeVar("_Counted", bound=Hashable)


def lookahead(slots: int, mean_duration_s: float | None) -> int:
    """Return how many attempts a worker gets beyond its slots: none unless jobs are very short."""
    if mean_duration_s is None:
        return 0
    return min(MAX_LOOKAHEAD, int(slots * LOOKAHEAD_S / max(mean_duration_s, 1e-4)))


_Kind = tuple[str, float | None, int | None, Resources]
_Spec = str | None
"""A base model; None is none."""
_Jobs = OrderedDict[str, Job]
"""By id.  Its first is found at once, however many have been taken out before it."""


def _count_down(counts: Counter[_Counted], key: _Counted) -> None:
    """Count one less, and forget what there is none of any more."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]


def _kind(job: Job) -> _Kind:
    """Return what the choice of a worker and the order depend on."""
    return job.kind, job.expected_s, job.gpu_bytes, job.resources


@dataclass
class _Group:
    """The ready jobs that start from one base model."""

    number: int
    """Grows from group to group."""
    size: int = 0
    kinds: dict[_Kind, _Jobs] = field(default_factory=dict)


class ReadyJobs:
    """Jobs that may start, grouped by the base model that they start from and by kind.

    A choice costs the same however many base models there are: they are ranked by kind, for all workers and
    for each that holds some.
    """

    def __init__(self) -> None:
        self._phase1: _Jobs = OrderedDict()
        self._groups: dict[_Spec, _Group] = {}
        self._begun = 0
        self.added = 0
        """How often a job has become ready."""
        self.gpu_bytes: Counter[int] = Counter()
        """How many jobs say that they need so much GPU memory."""
        self.resources: Counter[Resources] = Counter()
        """How many jobs need this of a machine."""
        self._kinds: Counter[_Kind] = Counter()
        self._samples: dict[_Kind, Job] = {}
        self._rankings: dict[_Kind, Ranking[_Spec]] = {}
        self._near: dict[str, dict[_Kind, Ranking[_Spec]]] = {}
        """By worker: of the base models that it holds."""
        self._holders: dict[_Spec, set[str]] = {}

    def __len__(self) -> int:
        return len(self._phase1) + self._kinds.total()

    def __contains__(self, job: Job) -> bool:
        return job.job_id in self._container(job)

    def _container(self, job: Job) -> Mapping[str, Job]:
        if job.makes:
            return self._phase1
        group = self._groups.get(job.needs)
        return group.kinds.get(_kind(job), {}) if group else {}

    def add(self, job: Job) -> None:
        """Put a job at the end of its group."""
        if job in self:
            return
        self.added += 1
        self.resources[job.resources] += 1
        if job.gpu_bytes is not None:
            self.gpu_bytes[job.gpu_bytes] += 1
        if job.makes:
            self._phase1[job.job_id] = job
        else:
            self._add_to_group(job, _kind(job))

    def _add_to_group(self, job: Job, kind: _Kind) -> None:
        self._kinds[kind] += 1
        self._samples.setdefault(kind, job)
        group = self._groups.get(job.needs)
        if group is None:
            self._begun += 1
            group = self._groups[job.needs] = _Group(self._begun)
        is_new = kind not in group.kinds
        group.kinds.setdefault(kind, OrderedDict())[job.job_id] = job
        group.size += 1
        for each in group.kinds:
            self._ranking(self._rankings, each).put(job.needs)
        for worker in self._holders.get(job.needs, ()) if is_new else ():
            self._ranking(self._near[worker], kind).put(job.needs)

    def discard(self, job: Job) -> None:
        """Take a job out if it is in."""
        if job not in self:
            return
        _count_down(self.resources, job.resources)
        if job.gpu_bytes is not None:
            _count_down(self.gpu_bytes, job.gpu_bytes)
        if job.makes:
            del self._phase1[job.job_id]
        else:
            self._take_from_group(job, _kind(job))

    def _take_from_group(self, job: Job, kind: _Kind) -> None:
        _count_down(self._kinds, kind)
        if kind not in self._kinds:
            del self._samples[kind]
        group = self._groups[job.needs]
        group.size -= 1
        del group.kinds[kind][job.job_id]
        if not group.kinds[kind]:
            del group.kinds[kind]
        if not group.kinds:
            del self._groups[job.needs]

    def _ranking(self, rankings: dict[_Kind, Ranking[_Spec]], kind: _Kind) -> Ranking[_Spec]:
        if kind not in rankings:
            rankings[kind] = Ranking(lambda spec: self._standing(spec, kind))
        return rankings[kind]

    def _standing(self, spec: _Spec, kind: _Kind) -> Standing | None:
        """Tell where a base model stands by its work for each worker that holds it."""
        group = self._groups.get(spec)
        if group is None or kind not in group.kinds:
            return None
        return -group.size / (1 + len(self._holders.get(spec, ()))), group.number

    def hold(self, worker: str, spec_hash: str) -> None:
        """Note that a worker has the base model."""
        self._holders.setdefault(spec_hash, set()).add(worker)
        near, group = self._near.setdefault(worker, {}), self._groups.get(spec_hash)
        for kind in group.kinds if group else ():
            self._ranking(near, kind).put(spec_hash)

    def larger_than(self, gpu_bytes: int) -> list[Job]:
        """Return the jobs that say that they need more GPU memory."""
        return [job for job in self._all() if (job.gpu_bytes or 0) > gpu_bytes]

    def with_resources(self, resources: Resources) -> list[Job]:
        """Return the jobs that need just this of a machine."""
        return [job for job in self._all() if job.resources == resources]

    def _all(self) -> Iterator[Job]:
        groups = (jobs for group in self._groups.values() for jobs in group.kinds.values())
        return (job for jobs in (self._phase1, *groups) for job in jobs.values())

    def candidates(
        self,
        worker: str,
        expected_s: Callable[[Job], float],
        fits: Callable[[Job], bool] = lambda job: True,
    ) -> Iterator[Job]:
        """Yield the jobs for a worker, the best first.

        `fits` is asked of one job of each kind, and tells whether the worker can ever run such.

        A higher priority goes before all else.  Base models to train come first, for others wait for them.
        Then what needs no transfer, the longest first; then the rest, where the base model with most work for
        each worker that holds it goes first.
        The jobs must not change while it is in use.
        """
        for priority in sorted({each.priority for each in self.resources}, reverse=True):
            for job in self._phase1.values():
                if job.resources.priority == priority and fits(job):
                    yield job
            samples = ((kind, job) for kind, job in self._samples.items() if fits(job))
            kinds = {kind: -expected_s(job) for kind, job in samples if job.resources.priority == priority}
            of_none = [self._without_base(kind, first) for kind, first in kinds.items()]
            yield from _merged([*of_none, *(self._near_ones(worker, *each) for each in kinds.items())])
            yield from _merged([self._far_ones(worker, *each) for each in kinds.items()])

    def _without_base(self, kind: _Kind, first: float) -> Iterator[_Ranked]:
        if (standing := self._standing(None, kind)) is not None:
            yield first, standing, self._groups[None].kinds[kind]

    def _near_ones(self, worker: str, kind: _Kind, first: float) -> Iterator[_Ranked]:
        ranking = self._near.get(worker, {}).get(kind)
        for standing, spec in ranking.in_order() if ranking else ():
            yield first, standing, self._groups[spec].kinds[kind]

    def _far_ones(self, worker: str, kind: _Kind, first: float) -> Iterator[_Ranked]:
        for standing, spec in self._rankings[kind].in_order():
            if spec is not None and worker not in self._holders.get(spec, ()):
                yield first, standing, self._groups[spec].kinds[kind]


_Ranked = tuple[float, Standing, _Jobs]
"""Jobs that are alike, after what they are ranked by."""


def _merged(ranked: list[Iterator[_Ranked]]) -> Iterator[Job]:
    """Yield the jobs of several rankings in the order of all."""
    for _, _, jobs in heapq.merge(*ranked, key=lambda entry: entry[:2]):
        yield from jobs.values()
