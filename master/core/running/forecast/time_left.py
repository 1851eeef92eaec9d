"""How long a run still takes, as a range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from master.core.running.forecast.durations import Durations, Ended, Uniform, durations_of
from master.core.running.forecast.future import BASE_MODELS, EXPERIMENTS, Kind, Work, ends_of

_Each = TypeVar("_Each")
FUTURES = 40
"""The more, the smoother are the ends of the range; and the longer it takes."""
LOW, HIGH = 0.1, 0.9
_WIDENED = 1.5
"""As drawn, ranges hold what comes less often than they should: futures do not know what else may happen."""
_ENOUGH = 3
"""Fewer jobs of a kind say less than all jobs of its phase do."""
_MOST_WORTH = 4.0
"""As many observations are kinds at most that say how long another one takes."""


@dataclass(frozen=True)
class TimeLeft:
    """Seconds until all have ended: in one of ten futures less than `low_s`, in one more than `high_s`."""

    low_s: float
    middle_s: float
    high_s: float

    def after(self, seconds: float) -> TimeLeft:
        """Return what is left when some time has passed in which nothing new was learned."""
        return TimeLeft(*(max(each - seconds, 0.0) for each in (self.low_s, self.middle_s, self.high_s)))


Seen = Mapping[Kind, Sequence[Ended]]
"""The attempts that have ended, by kind."""


def time_left(work: Work, ended: Seen, uniform: Uniform) -> dict[int, TimeLeft | None]:
    """Return by phase how long it still takes; None where nothing tells that, or nothing can run."""
    known = _known(work, ended)
    base_models = [kind for kind in _kinds(work) if kind[0] == BASE_MODELS]
    if work.slots < 1 or any(kind not in known for kind in base_models):
        return {BASE_MODELS: None, EXPERIMENTS: None}
    told = _without_unknown(work, known)
    futures = [ends_of(told, known, uniform) for _ in range(FUTURES)]
    base, experiments = (_range(ends) for ends in zip(*futures, strict=True))
    return {BASE_MODELS: base, EXPERIMENTS: experiments if told is work else None}


def _kinds(work: Work) -> Iterable[Kind]:
    return dict.fromkeys((*(kind for kind, _ in work.running), *work.ready, *work.waiting))


def _known(work: Work, ended: Seen) -> dict[Kind, Durations]:
    """Return what is known of each kind: of itself, or where that is little of its phase."""
    running: dict[Kind, list[float]] = {}
    for kind, elapsed in work.running:
        running.setdefault(kind, []).append(elapsed)
    found: dict[Kind, Durations | None] = {}
    for kind in _kinds(work):
        if len(ended.get(kind, ())) >= _ENOUGH:
            found[kind] = durations_of(ended[kind], running.get(kind, ()))
        else:
            found[kind] = _of_others(kind, ended, running)
    return {kind: durations for kind, durations in found.items() if durations}


def _of_others(kind: Kind, ended: Seen, running: Mapping[Kind, Sequence[float]]) -> Durations | None:
    """Return what a phase says of a kind of which too few jobs have ended: little where kinds are few."""
    others = sum(other[0] == kind[0] and other != kind for other in ended)
    worth = min(others / 2, _MOST_WORTH) if others else None
    return durations_of(_of_phase(ended, kind[0]), _of_phase(running, kind[0]), worth)


def _of_phase(found: Mapping[Kind, Sequence[_Each]], phase: int) -> list[_Each]:
    return [each for kind, values in found.items() if kind[0] == phase for each in values]


def _without_unknown(work: Work, known: Mapping[Kind, Durations]) -> Work:
    """Return the work without jobs of which nothing is known: the same object where there are none."""
    if all(kind in known for kind in _kinds(work)):
        return work
    return Work(
        [item for item in work.running if item[0] in known],
        {kind: count for kind, count in work.ready.items() if kind in known},
        {kind: count for kind, count in work.waiting.items() if kind in known},
        *(work.slots, work.strict, work.between_s),
    )


def _range(ends: Sequence[float]) -> TimeLeft:
    ordered = sorted(ends)
    low, middle, high = (_quantile(ordered, share) for share in (LOW, 0.5, HIGH))
    soon = max(middle - _WIDENED * (middle - low), min(ordered[0], low))
    return TimeLeft(soon, middle, middle + _WIDENED * (high - middle))


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    index = int(place)
    after = ordered[min(index + 1, len(ordered) - 1)]
    return ordered[index] + (after - ordered[index]) * (place - index)
