"""Gradient boosting of scikit-learn as the baseline: with its defaults, and tuned.

A baseline of trees that nobody tuned proves little, so both are rows of the report.  They are fitted again
whenever they are wanted and not saved: scikit-learn keeps its models as pickles, which run what they hold.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import loguniform, randint
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import ParameterSampler

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Dataset, Problem, Rows
from trainers.tabular.evaluation.classification import log_loss

Array = NDArray[np.float64]
CONFIGURATIONS = 30
MOST_CATEGORIES = 255
"""Of a column that scikit-learn takes as categories; the numbers of more are taken as an order."""
SPACE: Mapping[str, Any] = {
    "learning_rate": loguniform(0.01, 0.3),
    "max_iter": randint(100, 500),
    "max_leaf_nodes": randint(7, 128),
    "min_samples_leaf": randint(3, 80),
    "l2_regularization": loguniform(1e-6, 10),
    "max_features": [0.3, 0.5, 0.75, 1.0],
}


@dataclass(frozen=True)
class Trees:
    """Fitted boosted trees: one model for each target, or one for all classes."""

    problem: Problem
    models: tuple[Any, ...]
    settings: tuple[dict[str, Any], ...]
    """What each model was told beside scikit-learn's defaults."""
    seconds: float
    """For fitting, all configurations included."""

    def predict(self, rows: Rows) -> Array:
        """Return predictions [N, T] in raw units, or probabilities [N, K]."""
        inputs = _inputs(rows)
        if self.problem.kind == "regression":
            return np.stack([model.predict(inputs) for model in self.models], 1)
        return _probabilities(self.models[0], inputs, len(self.problem.classes))


def fit_default(dataset: Dataset, seed: int) -> Trees:
    """Fit with scikit-learn's defaults to the training split.  BadInput for a target without valid rows."""
    started = time.perf_counter()
    models = [_fit(dataset, target, {}, seed) for target in range(_models(dataset.problem))]
    return Trees(dataset.problem, tuple(models), ({},) * len(models), time.perf_counter() - started)


def fit_tuned(dataset: Dataset, seed: int, configurations: int = CONFIGURATIONS) -> Trees:
    """Fit random configurations to the training split and keep the best on validation, for each target."""
    started = time.perf_counter()
    sampled = [_plain(one) for one in ParameterSampler(SPACE, configurations, random_state=seed)]
    best = [_best(dataset, target, sampled, seed) for target in range(_models(dataset.problem))]
    models, settings = zip(*best, strict=True)
    return Trees(dataset.problem, models, settings, time.perf_counter() - started)


def _models(problem: Problem) -> int:
    return len(problem.targets) if problem.kind == "regression" else 1


def _best(
    dataset: Dataset, target: int, sampled: Sequence[dict[str, Any]], seed: int
) -> tuple[Any, dict[str, Any]]:
    candidates = ((_fit(dataset, target, settings, seed), settings) for settings in sampled)
    return min(candidates, key=lambda pair: _loss(pair[0], dataset, target))


def _fit(dataset: Dataset, target: int, settings: Mapping[str, Any], seed: int) -> Any:
    truth = _truth(dataset.train, target)
    known = np.isfinite(truth)
    if not known.any():
        name = dataset.problem.targets[target]
        raise BadInput(f"target {name}: no row of the training split has a valid value")
    family = _family(dataset.problem)
    model = family(categorical_features=_categorical(dataset.columns), random_state=seed, **settings)
    return model.fit(_inputs(dataset.train)[known], truth[known])


def _family(problem: Problem) -> Any:
    return HistGradientBoostingRegressor if problem.kind == "regression" else HistGradientBoostingClassifier


def _loss(model: Any, dataset: Dataset, target: int) -> float:
    truth = _truth(dataset.val, target)
    known = np.isfinite(truth)
    if not known.any():
        raise BadInput("tuning needs rows with valid targets in the validation split; there are none")
    inputs = _inputs(dataset.val)[known]
    if dataset.problem.kind == "regression":
        return float(np.mean((model.predict(inputs) - truth[known]) ** 2))
    classes = len(dataset.problem.classes)
    return log_loss(truth[known].astype(np.int64), _probabilities(model, inputs, classes))


def _truth(rows: Rows, target: int) -> Array:
    targets = rows.targets.double().numpy()
    return targets[:, target] if targets.ndim == 2 else targets


def _inputs(rows: Rows) -> Array:
    return np.concatenate([rows.numeric.double().numpy(), rows.categories.double().numpy()], 1)


def _categorical(columns: Columns) -> list[bool]:
    return [False] * len(columns.numeric) + [count <= MOST_CATEGORIES for count in columns.cardinalities]


def _probabilities(model: Any, inputs: Array, classes: int) -> Array:
    """Return [N, K]; a class that no training row has gets probability 0."""
    found = np.zeros((len(inputs), classes))
    found[:, model.classes_.astype(np.int64)] = model.predict_proba(inputs)
    return found


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.item() if hasattr(value, "item") else value for name, value in settings.items()}
