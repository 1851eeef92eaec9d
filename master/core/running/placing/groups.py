"""Ready jobs by the base model that they start from, ranked for all workers and for each that holds some.

A choice costs the same however many base models there are.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain

from master.core.planning.plan import Job
from master.core.running.placing.ranking import Ranking, Standing

Kind = int
"""Stands for what the choice of a worker and the order depend on."""


class Jobs:
    """Jobs that are alike: those that were given out before go first, then the others as they came.

    The first is found at once, however many have been taken out before it.
    """

    def __init__(self) -> None:
        self._again: OrderedDict[str, Job] = OrderedDict()
        self._fresh: OrderedDict[str, Job] = OrderedDict()

    def put(self, job: Job, *, again: bool = False) -> None:
        """Take a job in that is not here."""
        (self._again if again else self._fresh)[job.job_id] = job

    def take(self, job_id: str) -> None:
        """Take a job out that is here."""
        if self._fresh.pop(job_id, None) is None:
            del self._again[job_id]

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._fresh or job_id in self._again

    def __len__(self) -> int:
        return len(self._fresh) + len(self._again)

    def __iter__(self) -> Iterator[Job]:
        yield from self._again.values()
        yield from self._fresh.values()


Ranked = tuple[float, Standing, Jobs]
"""Jobs that are alike, after what they are ranked by."""
_Spec = str | None
"""A base model; None is none."""
_Rankings = dict[Kind, Ranking[_Spec]]
_NONE = Jobs()


@dataclass
class _Group:
    """The ready jobs that start from one base model."""

    number: int
    """Grows from group to group."""
    size: int = 0
    kinds: dict[Kind, Jobs] = field(default_factory=dict)


@dataclass
class _Near:
    """What a worker holds, ranked for it."""

    seen: int
    """Growths up to this one are in the rankings."""
    rankings: _Rankings = field(default_factory=dict)


class Groups:
    """The groups that have jobs."""

    def __init__(self) -> None:
        self._groups: dict[_Spec, _Group] = {}
        self._begun = 0
        self._rankings: _Rankings = {}
        self._near: dict[str, _Near] = {}
        """By worker."""
        self._holders: dict[_Spec, set[str]] = {}
        self._growths = 0
        self._grown: dict[_Spec, int] = {}
        """Which growth was the last of a group, the latest at the end.  Hundreds of workers may hold its base
        model: each ranks it anew when it asks, not when it grows."""

    def jobs(self, spec: _Spec, kind: Kind) -> Jobs:
        """Return the jobs of one kind that start from a base model."""
        group = self._groups.get(spec)
        return group.kinds.get(kind, _NONE) if group else _NONE

    def all_jobs(self) -> Iterator[Job]:
        """Yield all jobs."""
        for group in self._groups.values():
            for jobs in group.kinds.values():
                yield from jobs

    def add(self, job: Job, kind: Kind, *, again: bool = False) -> None:
        """Take a job in that is not here; one that was given out before goes before those that were not."""
        group = self._groups.get(job.needs)
        if group is None:
            self._begun += 1
            group = self._groups[job.needs] = _Group(self._begun)
        jobs = group.kinds.get(kind)
        if jobs is None:
            jobs = group.kinds[kind] = Jobs()
        jobs.put(job, again=again)
        group.size += 1
        self._growths += 1
        self._grown.pop(job.needs, None)
        self._grown[job.needs] = self._growths
        self._rank(self._rankings, job.needs)

    def take(self, job: Job, kind: Kind) -> None:
        """Take a job out that is here."""
        group = self._groups[job.needs]
        group.size -= 1
        group.kinds[kind].take(job.job_id)
        if not group.kinds[kind]:
            del group.kinds[kind]
        if not group.kinds:
            del self._groups[job.needs]

    def hold(self, worker: str, spec_hash: str) -> None:
        """Note that a worker has the base model."""
        self._holders.setdefault(spec_hash, set()).add(worker)
        near = self._near.setdefault(worker, _Near(self._growths))
        self._rank(near.rankings, spec_hash)

    def size(self, spec: _Spec) -> int:
        """Return how many jobs start from a base model."""
        group = self._groups.get(spec)
        return group.size if group else 0

    def holders(self, spec: _Spec) -> Collection[str]:
        """Return the workers that have a base model."""
        return self._holders.get(spec, ())

    def _rank(self, rankings: _Rankings, spec: _Spec) -> None:
        group = self._groups.get(spec)
        for kind in group.kinds if group else ():
            self._ranking(rankings, kind).put(spec)

    def _rankings_near(self, worker: str) -> _Rankings:
        """Return the rankings of what a worker holds, with all that has grown since it asked last."""
        near = self._near.get(worker)
        if near is None:
            return {}
        for spec, growth in reversed(self._grown.items()):
            if growth <= near.seen:
                break
            if worker in self._holders.get(spec, ()):
                self._rank(near.rankings, spec)
        near.seen = self._growths
        return near.rankings

    def _ranking(self, rankings: _Rankings, kind: Kind) -> Ranking[_Spec]:
        if kind not in rankings:
            rankings[kind] = Ranking(lambda spec: self._standing(spec, kind))
        return rankings[kind]

    def _standing(self, spec: _Spec, kind: Kind) -> Standing | None:
        """Tell where a base model stands by its work for each worker that holds it."""
        group = self._groups.get(spec)
        if group is None or kind not in group.kinds:
            return None
        return -group.size / (1 + len(self._holders.get(spec, ()))), group.number

    def without_base(self, kind: Kind, first: float) -> Iterator[Ranked]:
        """Yield the jobs of a kind that start from no base model, ranked by `first` before all else."""
        if (standing := self._standing(None, kind)) is not None:
            yield first, standing, self._groups[None].kinds[kind]

    def near(self, worker: str, kind: Kind, first: float) -> Iterator[Ranked]:
        """Yield those that start from what a worker holds."""
        ranking = self._rankings_near(worker).get(kind)
        for standing, spec in ranking.in_order() if ranking else ():
            yield first, standing, self._groups[spec].kinds[kind]

    def far(self, worker: str, kind: Kind, first: float) -> Iterator[Ranked]:
        """Yield those that start from what it does not hold."""
        for standing, spec in self._rankings[kind].in_order():
            if spec is not None and worker not in self._holders.get(spec, ()):
                yield first, standing, self._groups[spec].kinds[kind]


def merged(ranked: list[Iterator[Ranked]]) -> Iterator[Job]:
    """Yield the jobs of several rankings in the order of all."""
    begun = [(first, rest) for rest in ranked if (first := next(rest, None)) is not None]
    in_order = [chain((first,), rest) for first, rest in begun]
    for _, _, jobs in heapq.merge(*in_order, key=_rank_of) if len(in_order) > 1 else chain(*in_order):
        yield from jobs


def _rank_of(entry: Ranked) -> tuple[float, Standing]:
    return entry[:2]
