"""How good each model is on rows that it was not trained on: the figures that a job is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.tabular.data.dataset import Problem, Rows
from trainers.tabular.evaluation.classification import class_figures
from trainers.tabular.evaluation.regression import regression_figures

Array = NDArray[np.float64]


def figures_of(problem: Problem, rows: Rows, predicted: Array) -> dict[str, float]:
    """Return the figures of the mean over members [M, N, …]; with several targets of each."""
    truth, mean = rows.targets.numpy(), predicted.mean(0)
    if problem.kind != "regression":
        return class_figures(truth, mean)
    each = [regression_figures(truth[:, place], mean[:, place]) for place in range(len(problem.targets))]
    if len(each) == 1:
        return each[0]
    named = zip(problem.targets, each, strict=True)
    return {f"{target}_{name}": value for target, one in named for name, value in one.items()}


def flat(by_model: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of all models in one level: as they are for one model, else after its name."""
    if len(by_model) == 1:
        return dict(next(iter(by_model.values())))
    return {f"{model}_{name}": value for model, one in by_model.items() for name, value in one.items()}
