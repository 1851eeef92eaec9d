"""Made-up results of models, as reports are made of."""

from __future__ import annotations

import numpy as np

from trainers.tabular.data.dataset import Kind, Problem
from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.evaluation.importance import Importance
from trainers.tabular.results.model_result import ModelResult, SplitResult
from trainers.tabular.results.saved import Calibration

ROWS = {"train": 120, "val": 60, "test": 90}
HISTORY = [{"epoch": at, "train_loss": 1 / at, "val_loss": 1.2 / at, "rate": 1e-4} for at in range(1, 6)]
IMPORTANCE = (Importance("<b>length</b>", 0.5, 0.1), Importance("$age$", 0.01, 0.02))


def problem(kind: Kind) -> Problem:
    """Return a problem whose names have to be escaped."""
    if kind == "regression":
        return Problem(kind, ("m<s>&", "=rate"))
    return Problem(kind, ("sort",), ("no", "<yes>") if kind == "binary" else ("a", "b", "c"))


def result(name: str = "mlp", kind: Kind = "regression", members: int = 3, noise: float = 0.1) -> ModelResult:
    """Return a model whose members differ from the truth by noise."""
    random = np.random.default_rng(len(name))
    splits = {split: _split(random, kind, (members, rows), noise) for split, rows in ROWS.items()}
    calibration = Calibration(temperature=1.3)
    if kind == "regression":
        val = splits["val"]
        calibration = Calibration(Conformal.fit(val.truth, val.mean))
    histories = [HISTORY] * members
    return ModelResult(
        name, problem(kind), splits, 12.5, 1411713, 3 << 20, calibration, histories, IMPORTANCE, {"epochs": 5}
    )


def _split(random: np.random.Generator, kind: Kind, size: tuple[int, int], noise: float) -> SplitResult:
    members, rows = size
    groups = random.integers(0, 12, size=rows).astype(str)
    if kind == "regression":
        truth = random.gamma(2.0, size=(rows, 2))
        truth[0, 0] = np.nan
        return SplitResult(
            truth, np.nan_to_num(truth, nan=1.0) + noise * random.normal(size=(members, rows, 2)), groups
        )
    classes = len(problem(kind).classes)
    truth = random.integers(0, classes, size=rows)
    logits = 2 * np.eye(classes)[truth] + random.normal(size=(members, rows, classes))
    odds = np.exp(logits)
    return SplitResult(truth, odds / odds.sum(-1, keepdims=True), groups)
