"""Whether one group is better than another: differences between jobs with the same seed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from master.core.results.groups import Group, Repeat, repeat_of
from master.core.results.statistics import Summary, summary

_LOWER_IS_BETTER = re.compile(
    r"(?<![a-z])(log_?loss|loss|error|err|rmse|mse|mae|mape|perplexity|ppl|fvu|nll|seconds|time)(?![a-z])"
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Paired:
    """How much a group's metric is above the baseline's, seed by seed."""

    difference: Summary | None
    """None where no seed is shared."""
    unpaired: int
    """Seeds that only one of the two has a figure for: they count in neither mean here."""


def paired(group: Group, baseline: Group, metric: str, over: Sequence[str]) -> Paired:
    """Compare two groups by the seeds and folds that both have; jobs that share them are averaged first."""
    ours, theirs = _by_repeat(group, metric, over), _by_repeat(baseline, metric, over)
    shared = [repeat for repeat in ours if repeat in theirs]
    differences = [ours[repeat] - theirs[repeat] for repeat in shared]
    return Paired(summary(differences), len(ours.keys() ^ theirs.keys()))


def _by_repeat(group: Group, metric: str, over: Sequence[str]) -> dict[Repeat, float]:
    found: dict[Repeat, list[float]] = {}
    for row in group.rows:
        if metric in row.metrics:
            found.setdefault(repeat_of(row, tuple(over)), []).append(row.metrics[metric])
    return {repeat: math.fsum(value / len(values) for value in values) for repeat, values in found.items()}


def lower_is_better(metric: str) -> bool:
    """Guess from a metric's name whether less of it is better."""
    return _LOWER_IS_BETTER.search(_HUMP.sub("_", metric).lower()) is not None


def ranked(groups: Iterable[Group], metric: str, ascending: bool) -> list[Group]:
    """Return the groups, the best mean first; those without the metric last, in the order they came in."""
    with_mean = [(found.mean if (found := group.summary(metric)) else None, group) for group in groups]
    sign = 1.0 if ascending else -1.0
    order = sorted(with_mean, key=lambda pair: (pair[0] is None, sign * (pair[0] or 0.0)))
    return [group for _, group in order]
