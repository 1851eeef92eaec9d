"""One future of a run: every job drawn, every slot filled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from master.core.running.forecast.durations import Drawn, Durations, Uniform
from master.core.running.forecast.slots import Slots

Kind = tuple[int, str]
"""Phase and kind of jobs that take about equally long."""
BASE_MODELS, EXPERIMENTS = 1, 2
_WAVES = 3
"""So many jobs for each slot are placed one by one; those before them are shared out as work."""
_FEWEST = 48
_PARTS, _STEPS = 4, 5
"""What is shared out comes in so many parts, of which so many ends are told."""


@dataclass(frozen=True)
class Work:
    """What a run has still to do."""

    running: Sequence[tuple[Kind, float]]
    """What runs, and for how many seconds so far."""
    ready: Mapping[Kind, int]
    """How many jobs of a kind may start."""
    waiting: Mapping[Kind, int]
    """How many wait for a base model that is still to be trained."""
    slots: int
    """How many run at a time."""
    strict: bool = False
    """Experiments wait for all base models."""
    between_s: float = 0.0
    """From the end of a job to the start of the next on its slot."""


def ends_of(work: Work, seen: Mapping[Kind, Durations], uniform: Uniform) -> tuple[float, float]:
    """Return when base models and experiments have all ended in one drawn future, in seconds from now."""
    drawn = {kind: Drawn(durations, uniform) for kind, durations in seen.items()}
    left = [(kind[0], drawn[kind].left(elapsed)) for kind, elapsed in work.running]
    idle = max(work.slots - len(left), 0)
    slots = Slots([*(seconds for _, seconds in left), *[0.0] * idle] or [0.0])
    trained = [seconds for phase, seconds in left if phase == BASE_MODELS]
    done = [seconds for phase, seconds in left if phase == EXPERIMENTS]
    placing = _Placing(slots, drawn, work)
    first = {kind: count for kind, count in work.ready.items() if kind[0] == BASE_MODELS}
    trained += placing.place(first, lambda share: 0.0)
    trained.sort()
    later = {kind: count for kind, count in work.waiting.items() if kind[0] == BASE_MODELS}
    trained += placing.place(later, partial(_at, tuple(trained)))  # they start from those
    last = max(trained, default=0.0)
    trained.sort()
    ready = {kind: count for kind, count in work.ready.items() if kind[0] == EXPERIMENTS}
    begin = last if work.strict else 0.0
    done += placing.place(ready, lambda share: begin)
    waiting = {kind: count for kind, count in work.waiting.items() if kind[0] == EXPERIMENTS}
    done += placing.place(waiting, lambda share: last if work.strict else _at(trained, share))
    return last, max(done, default=0.0)


def _at(trained: Sequence[float], share: float) -> float:
    """Return when so large a share of the base models is there."""
    return trained[min(int(share * len(trained)), len(trained) - 1)] if trained else 0.0


@dataclass
class _Placing:
    """Puts jobs on slots."""

    slots: Slots
    drawn: Mapping[Kind, Drawn]
    work: Work

    def place(self, counts: Mapping[Kind, int], not_before: Callable[[float], float]) -> list[float]:
        """Run jobs of these kinds, mixed, and return when some of them end, the last among them.

        `not_before` tells when the first share of them, 0 to 1, may start.
        """
        total = sum(counts.values())
        one_by_one = min(total, max(_FEWEST, _WAVES * self.work.slots))
        ends = self._pour(counts, total, total - one_by_one, not_before) if total > one_by_one else []
        for number, kind in enumerate(_mixed(counts, one_by_one), total - one_by_one):
            seconds = self.drawn[kind].seconds() + self.work.between_s
            ends.append(self.slots.run(seconds, not_before(number / total)))
        return ends

    def _pour(
        self, counts: Mapping[Kind, int], total: int, many: int, not_before: Callable[[float], float]
    ) -> list[float]:
        ends: list[float] = []
        for part in range(_PARTS):
            share = many / total / _PARTS
            work = sum(self._work_of(kind, count * share) for kind, count in counts.items())
            begin, end = self.slots.pour(work, not_before((part + 1) / _PARTS * many / total))
            ends += [begin + (end - begin) * step / _STEPS for step in range(1, _STEPS + 1)]
        return ends

    def _work_of(self, kind: Kind, count: float) -> float:
        """Return the seconds that so many jobs of a kind take together."""
        return self.drawn[kind].together(count) + count * self.work.between_s


def _mixed(counts: Mapping[Kind, int], number: int) -> list[Kind]:
    """Return `number` kinds in the shares of `counts`, evenly mixed."""
    total = sum(counts.values())
    places = [
        ((index + 0.5) / share, kind)
        for kind, count in counts.items()
        if (share := number * count / total)
        for index in range(math.ceil(share))
    ]
    return [kind for _, kind in sorted(places)[:number]]
