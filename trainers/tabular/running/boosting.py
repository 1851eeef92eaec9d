"""Boosted trees of a run, fitted for each seed and fold; what they predict is kept, they are not."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.common.errors import BadInput
from trainers.common.files import write_bytes, write_json
from trainers.tabular.data.dataset import Dataset, Rows
from trainers.tabular.data.loading import Loaded
from trainers.tabular.evaluation.classification import fitted_temperature
from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.request import Request
from trainers.tabular.results.saved import Calibration
from trainers.tabular.running.claims import DONE
from trainers.tabular.running.gathering import Predictions, chosen_parts, gathered, truth_of
from trainers.tabular.running.importance import importance_of
from trainers.tabular.trees import Trees, fit_default, fit_tuned

PREDICTIONS = "predictions.npz"
Array = NDArray[np.float64]


def fit_trees(name: str, loaded: Loaded, request: Request, say: Callable[[str], None]) -> None:
    """Fit `trees` or `trees_tuned` and leave the folder of their predictions whole."""
    started = time.monotonic()
    settings, dataset = request.settings, loaded.dataset
    parts = chosen_parts(dataset, settings.fold)
    folds = [replace(dataset, train=train, val=val, folds=()) for train, val in parts]
    if name == "trees_tuned":
        say(f"{name}: {settings.configurations} configurations on {len(folds)} splits")

    def fitted(fold: Dataset, seed: int) -> Trees:
        if name == "trees":
            return fit_default(fold, seed)
        return fit_tuned(fold, seed, settings.configurations)

    trees = [[fitted(fold, seed) for seed in settings.seeds] for fold in folds]

    def predict(rows: Rows, fold: int) -> Array:
        return np.stack([one.predict(rows) for one in trees[fold]])

    found = gathered(predict, dataset, settings.fold)
    folder = request.output_dir / name
    write_bytes(folder / PREDICTIONS, _npz(found))
    seconds = time.monotonic() - started
    told: dict[str, Any] = {
        "settings": [list(one.settings) for fold in trees for one in fold],
        "calibration": _calibration(found, loaded, settings.fold).to_json(),
    }
    if request.plots:
        told["importance"] = importance_of(
            lambda rows: predict(rows, 0).mean(0), parts[0][1], dataset.columns, dataset.problem
        )
    write_json(folder / DONE, {"seconds": seconds, **told})


def _calibration(found: Predictions, loaded: Loaded, fold: int | None) -> Calibration:
    """Return intervals or a temperature that are learned from what was held out."""
    truth, mean = truth_of(loaded.dataset, fold)["val"].targets.numpy(), found.val.mean(0)
    if loaded.dataset.problem.kind == "regression":
        return Calibration(Conformal.fit(truth, mean))
    return Calibration(None, fitted_temperature(truth, mean))


def read_predictions(folder: Path) -> Predictions:
    """Return the predictions that `fit_trees` left; BadInput where they cannot be read."""
    try:
        with np.load(folder / PREDICTIONS, allow_pickle=False) as file:
            return Predictions(file["train"], file["val"], file["test"])
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"{folder / PREDICTIONS}: missing or damaged ({error}); use --overwrite") from error


def _npz(found: Predictions) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, train=found.train, val=found.val, test=found.test)
    return buffer.getvalue()
