"""What a run leaves beside its models, made of their folders: figures, table, page, pictures, logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.tabular.data.dataset import Rows
from trainers.tabular.data.loading import Loaded
from trainers.tabular.request import Request
from trainers.tabular.results.model_result import ModelResult, SplitResult
from trainers.tabular.results.report import write_report
from trainers.tabular.results.saved import Calibration, load_model
from trainers.tabular.results.seed_files import Logs, write_plots
from trainers.tabular.results.surrogate import Surrogate
from trainers.tabular.running.boosting import read_predictions
from trainers.tabular.running.claims import DONE, METRICS
from trainers.tabular.running.figures import figures_of, flat
from trainers.tabular.running.gathering import Predictions, gathered, truth_of
from trainers.tabular.running.importance import read_importance
from trainers.tabular.settings import NETWORKS

Array = NDArray[np.float64]


def report_of(request: Request, loaded: Loaded, say: Callable[[str], None], timestamp: str) -> dict[str, Any]:
    """Write what a run leaves beside its models, and return the figures by model.

    Raises BadInput where matplotlib is missing, after the figures and tables are written.
    """
    results = [result_of(name, request, loaded) for name in request.settings.models]
    part = results[0].scored
    rows = truth_of(loaded.dataset, request.settings.fold)[part]
    figures = {one.name: figures_of(one.problem, rows, one.splits[part].predicted) for one in results}
    training = {one.name: _told(one) for one in results}
    told = {name: {**found, **training[name]} for name, found in figures.items()}
    write_json(request.output_dir / METRICS, flat(told))
    targets = ", ".join(loaded.dataset.problem.targets)
    title = f"{targets} of {', '.join(request.data)}"
    say(write_report(request.output_dir, results, title, with_page=request.plots))
    if request.plots:
        _write_seed_files(request, loaded, results, timestamp)
    return {"scored_on": part, "rows": len(rows), "models": told}


def result_of(name: str, request: Request, loaded: Loaded) -> ModelResult:
    """Return what a model's folder holds, with its predictions for all rows."""
    folder, problem = request.output_dir / name, loaded.dataset.problem
    training = read_json_file(folder / DONE)
    calibration = Calibration()
    if name in NETWORKS:
        surrogate = Surrogate.load(folder)
        predictions = network_predictions(surrogate, request, loaded)
        calibration = surrogate.model.calibration
    else:
        predictions = read_predictions(folder)
        calibration = Calibration.from_json(training["calibration"])
    return ModelResult(
        name=name,
        problem=problem,
        splits=splits_of(predictions, truth_of(loaded.dataset, request.settings.fold)),
        seconds=float(training["seconds"]),
        parameters=training.get("parameters"),
        peak_bytes=training.get("peak_bytes"),
        calibration=calibration,
        histories=[member["history"] for member in training.get("members", ()) if member["kept"]],
        importance=read_importance(training.get("importance", ())),
        settings=request.settings.as_config(),
    )


def network_predictions(surrogate: Surrogate, request: Request, loaded: Loaded) -> Predictions:
    """Ask a network for all rows, each fold's for what it held out."""

    def predict(rows: Rows, fold: int) -> Array:
        # From a base model on, members have its folds, and all of them the same rows.
        return surrogate.members(rows, None if request.start else [fold]).values

    return gathered(predict, loaded.dataset, request.settings.fold)


def splits_of(predictions: Predictions, rows: dict[str, Rows]) -> dict[str, SplitResult]:
    """Return true values beside predictions, of the parts that have rows."""
    found = {"train": predictions.train, "val": predictions.val, "test": predictions.test}
    return {
        part: SplitResult(rows[part].targets.numpy(), predicted, rows[part].groups)
        for part, predicted in found.items()
        if len(rows[part])
    }


def _told(result: ModelResult) -> dict[str, float]:
    """Return what there is to tell of a training as numbers."""
    found = {"seconds": result.seconds, "parameters": result.parameters, "peak_bytes": result.peak_bytes}
    epochs = [history[-1]["epoch"] for history in result.histories if history]
    if epochs:
        found["epochs"] = sum(epochs) / len(epochs)
    return {name: value for name, value in found.items() if value is not None}


def _write_seed_files(request: Request, loaded: Loaded, results: list[ModelResult], timestamp: str) -> None:
    """Write pictures and comparisons under the names of the first train_pmssm."""
    dataset = loaded.dataset
    train = truth_of(dataset, request.settings.fold)["train"]
    columns = {
        name: train.numeric[:, place].double().numpy() for place, name in enumerate(dataset.columns.numeric)
    }
    if dataset.problem.kind == "regression":
        named = enumerate(dataset.problem.targets)
        columns |= {name: train.targets[:, place].numpy() for place, name in named}
    write_plots(request.output_dir, timestamp, columns, results)
    logs = Logs(request.output_dir, timestamp)
    for result in results:
        if result.name in NETWORKS:
            logs.compared(result, _normaliser(request, result.name))


def _normaliser(request: Request, name: str) -> Callable[[Array], Array]:
    """Return what turns targets [n, T] into what a model was trained on."""
    statistics = load_model(request.output_dir / name).statistics[0].targets

    def normalise(values: Array) -> Array:
        if statistics is None:
            return values
        return statistics.apply(torch.from_numpy(values)).numpy()

    return normalise
