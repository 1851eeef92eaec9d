"""The figures of a report: each metric with its interval over members and its bootstrap over groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.tabular.evaluation.classification import class_figures, tempered
from trainers.tabular.evaluation.coverage import coverages, pull_figures, pulls
from trainers.tabular.evaluation.intervals import Interval, bootstrap, interval
from trainers.tabular.evaluation.regression import mean_and_spread, regression_figures
from trainers.tabular.results.model_result import Array, ModelResult, SplitResult

NOTHING = float("nan")


@dataclass(frozen=True)
class FigureRow:
    """One metric of one target of one model, on the split that is scored."""

    model: str
    target: str
    metric: str
    members: Interval
    """Mean over members one by one, with Student's 95 % interval; NaN for what only all have together."""
    together: float
    """Of the mean over members."""
    low: float
    high: float
    """95 % bootstrap over groups of `together`."""


def figure_rows(result: ModelResult) -> list[FigureRow]:
    """Return all figures of a model, target by target."""
    split = result.splits[result.scored]
    if result.problem.kind != "regression":
        return _class_rows(result, split)
    return [
        row
        for place, target in enumerate(result.problem.targets)
        for row in (*_value_rows(result, split, place, target), *_cover_rows(result, split, place, target))
    ]


def _value_rows(result: ModelResult, split: SplitResult, place: int, target: str) -> list[FigureRow]:
    truth, predicted = split.truth[:, place], split.predicted[:, :, place]
    each = [regression_figures(truth, one) for one in predicted]
    mean = predicted.mean(0)
    ends = bootstrap(lambda rows: regression_figures(truth[rows], mean[rows]), split.redrawn_together())
    return _rows((result.name, target), each, regression_figures(truth, mean), ends)


def _cover_rows(result: ModelResult, split: SplitResult, place: int, target: str) -> list[FigureRow]:
    """Return coverage in per cent and pulls; nothing of what the model does not tell."""
    mean, spread = mean_and_spread(split.predicted)
    found: dict[str, float] = {}
    conformal = result.calibration.conformal
    if conformal is not None:
        shares = coverages(conformal, split.truth, mean)
        found |= {f"coverage_{100 * level:g}": 100 * float(share[place]) for level, share in shares.items()}
    if result.members > 1:
        found |= pull_figures(pulls(split.truth[:, place], mean[:, place], spread[:, place]))
    return _rows((result.name, target), [], found, {})


def _class_rows(result: ModelResult, split: SplitResult) -> list[FigureRow]:
    each = [class_figures(split.truth, one) for one in split.predicted]
    mean = tempered(split.mean, result.calibration.temperature)
    ends = _class_ends(split.truth, mean, split.redrawn_together())
    name = (result.name, result.problem.targets[0])
    return _rows(name, each, class_figures(split.truth, mean), ends)


def _class_ends(
    truth: NDArray[np.int64], mean: Array, groups: NDArray[np.int64]
) -> dict[str, tuple[float, float]]:
    return bootstrap(lambda rows: class_figures(truth[rows], mean[rows]), groups)


def _rows(
    name: tuple[str, str],
    each: list[dict[str, float]],
    together: Mapping[str, float],
    ends: Mapping[str, tuple[float, float]],
) -> list[FigureRow]:
    return [
        FigureRow(*name, metric, _over_members(each, metric), value, *ends.get(metric, (NOTHING, NOTHING)))
        for metric, value in together.items()
    ]


def _over_members(each: Iterable[Mapping[str, float]], metric: str) -> Interval:
    values = [one[metric] for one in each]
    return interval(values) if values else Interval(NOTHING, NOTHING)
