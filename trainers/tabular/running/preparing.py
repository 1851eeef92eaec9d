"""Rows as networks are trained on them, each fold by the statistics of its own training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.tabular.data.dataset import UNKNOWN, Dataset, Problem, Rows, joined
from trainers.tabular.data.inputs import InputKind, InputStatistics
from trainers.tabular.data.targets import TargetStatistics, Transform
from trainers.tabular.results.saved import Statistics
from trainers.tabular.training.members import Examples


@dataclass(frozen=True)
class Part:
    """The rows of one fold within the examples."""

    train: Tensor
    """[n] int64 numbers of examples."""
    val: Tensor


@dataclass(frozen=True)
class Prepared:
    """The examples of all folds, one under the other."""

    examples: Examples
    parts: tuple[Part, ...]
    statistics: tuple[Statistics, ...]
    held_out: tuple[Rows, ...]
    """The validation rows of each fold, in raw units."""


def prepare(
    dataset: Dataset, inputs: InputKind, transforms: Sequence[Transform], fold: int | None = None
) -> Prepared:
    """Fit statistics to the training rows of every fold, or of one, and apply them to its rows."""
    parts = dataset.parts() if fold is None else [dataset.parts()[fold]]
    statistics = [_fitted(train, dataset.problem, inputs, transforms) for train, _ in parts]
    return _together(parts, statistics, dataset.problem)


def prepare_by(dataset: Dataset, statistics: Sequence[Statistics], fold: int | None = None) -> Prepared:
    """Apply statistics of a model that is fitted further, all of them to the same rows."""
    part = dataset.parts()[fold or 0]
    return _together([part] * len(statistics), statistics, dataset.problem)


def _fitted(train: Rows, problem: Problem, inputs: InputKind, transforms: Sequence[Transform]) -> Statistics:
    fitted = InputStatistics.fit(inputs, train.numeric)
    if problem.kind != "regression":
        return Statistics(fitted)
    return Statistics(fitted, TargetStatistics.fit(transforms, train.targets, problem.targets))


def _together(
    parts: Sequence[tuple[Rows, Rows]], statistics: Sequence[Statistics], problem: Problem
) -> Prepared:
    made = [_examples(part, one) for part, one in zip(parts, statistics, strict=True)]
    examples, first = Examples.joined(made)
    numbers = []
    for (train, val), start in zip(parts, first, strict=True):
        rows = torch.arange(start, start + len(train) + len(val))
        numbers.append(Part(rows[: len(train)], rows[len(train) :]))
    return Prepared(examples, tuple(numbers), tuple(statistics), tuple(val for _, val in parts))


def _examples(part: tuple[Rows, Rows], statistics: Statistics) -> Examples:
    rows = joined(part)
    targets = rows.targets
    if statistics.targets is not None:
        targets = statistics.targets.apply(targets).float()
    categories = seen_only(rows.categories, part[0].categories)
    return Examples(statistics.inputs.apply(rows.numeric), categories, targets)


def seen_only(categories_NC: Tensor, train_NC: Tensor) -> Tensor:
    """Return categories with those unknown that the training rows of a fold do not have."""
    columns = []
    for column, train in zip(categories_NC.T, train_NC.T, strict=True):
        columns.append(torch.where(torch.isin(column, train.unique()), column, UNKNOWN))
    return torch.stack(columns, dim=1) if columns else categories_NC
