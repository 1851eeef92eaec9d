"""Plots and logs under the names that users of the first script for the pMSSM know.

`plots/run_<time>/` has `hist_dataset.png` and of each model `losses_<model>.png`, and for training and
validation `<model>_true_vs_pred_<split>.png` and `<model>_hist_true_vs_pred_<split>.png`.
`logs/training_<time>.log` has all lines of a run, `logs/<model>_<time>.log` those of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from trainers.common.errors import BadInput
from trainers.common.files import write_bytes
from trainers.tabular.results import plots
from trainers.tabular.results.model_result import Array, ModelResult
from trainers.tabular.results.page import known_pairs

FILE_NAMES = {"tabular_transformer": "transformer_tabular"}
LOG_NAMES = {"transformer": "Transformer", "tabular_transformer": "Transformer Tabular", "mlp": "MLP"}
SPLIT_NAMES = {"train": "train", "val": "validation"}
COMPARED = {"train": 10, "val": 3}
"""Rows of each split that the logs compare."""


def file_name(model: str) -> str:
    """Return how a model is called in names of files."""
    return FILE_NAMES.get(model, model)


def write_plots(
    output: Path, timestamp: str, columns: Mapping[str, Array], results: Sequence[ModelResult]
) -> list[Path]:
    """Write all plots of a run and return their paths; `columns` are the training rows' values by name.

    Raises BadInput where matplotlib is missing.
    """
    plots.require_matplotlib()
    folder = output / "plots" / f"run_{timestamp}"
    files = {"hist_dataset.png": plots.histogram_grid(columns, "dataset, training rows")}
    for one in results:
        files |= dict(_model_plots(one))
    for name, content in files.items():
        write_bytes(folder / name, content)
    return [folder / name for name in files]


def _model_plots(result: ModelResult) -> Iterable[tuple[str, bytes]]:
    name = file_name(result.name)
    if any(result.histories):
        yield f"losses_{name}.png", plots.loss_curves(result.histories, f"{result.name}: loss")
    for split, split_name in SPLIT_NAMES.items():
        if split in result.splits:
            yield from _split_plots(result, split, name, split_name)


def _split_plots(result: ModelResult, split: str, name: str, split_name: str) -> Iterable[tuple[str, bytes]]:
    found = result.splits[split]
    if result.problem.kind != "regression":
        title = f"{result.name}, {split_name}"
        counts = {
            "true": found.truth.astype(np.float64),
            "predicted": found.mean.argmax(1).astype(np.float64),
        }
        content = plots.confusion(found.truth, found.mean, result.problem.classes, title)
        yield f"{name}_true_vs_pred_{split_name}.png", content
        yield (
            f"{name}_hist_true_vs_pred_{split_name}.png",
            plots.histograms(counts, title, "number of the class"),
        )
        return
    for place, target in enumerate(result.problem.targets):
        truth, predicted = known_pairs(found, place)
        title, start = f"{result.name}: {target}, {split_name}", _start(name, place)
        content = plots.true_and_predicted(truth, predicted, title, target)
        yield f"{start}_true_vs_pred_{split_name}.png", content
        values = {"true": truth, "predicted": predicted}
        yield f"{start}_hist_true_vs_pred_{split_name}.png", plots.histograms(values, title, target)


def _start(name: str, place: int) -> str:
    """Return how files of a target begin: those of the first one as if there were no other."""
    return name if place == 0 else f"{name}_target{place + 1}"


class Logs:
    """The logs of a run; every line is written at once, so that several processes may add theirs."""

    def __init__(self, output: Path, timestamp: str, now: Callable[[], datetime] = datetime.now) -> None:
        self._folder, self._timestamp, self._now = output / "logs", timestamp, now

    def said(self, text: str, model: str | None = None) -> None:
        """Add a line to the log of the run, and to that of a model.  BadInput where it cannot be written."""
        line = f"{self._now():%Y-%m-%d %H:%M:%S} [info] {text}\n"
        names = ["training", *([] if model is None else [file_name(model)])]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                with (self._folder / f"{name}_{self._timestamp}.log").open("a", encoding="utf-8") as stream:
                    stream.write(line)
        except OSError as error:
            raise BadInput(f"{self._folder}: cannot write logs: {error}") from error

    def epoch(self, model: str, member: int, record: Mapping[str, Any]) -> None:
        """Add the line of one epoch; members after the first are numbered."""
        name = LOG_NAMES.get(model, model) + (f" {member + 1}" if member else "")
        losses = f"Train MSE = {record['train_loss']:.6f} | Val MSE = {record['val_loss']:.6f}"
        self.said(f"{name} | Epoch {record['epoch']:04d} | {losses} | LR = {record['rate']:e}", model)

    def compared(self, result: ModelResult, normalise: Callable[[Array], Array]) -> None:
        """Add tables of a few rows: true and predicted, as trained on and in the targets' units."""
        for line in comparison(result, normalise):
            self.said(line, result.name)


def comparison(result: ModelResult, normalise: Callable[[Array], Array]) -> list[str]:
    """Return lines that compare some training and validation rows; none for classes."""
    if result.problem.kind != "regression":
        return []
    lines = []
    for split, count in COMPARED.items():
        if split in result.splits:
            found = result.splits[split]
            truth, predicted = found.truth[:count], found.mean[:count]
            pairs = [(normalise(truth), normalise(predicted)), (truth, predicted)]
            lines += _table(f"{result.name}, {SPLIT_NAMES[split]}", result.problem.targets, pairs)
    return lines


def _table(title: str, targets: Sequence[str], pairs: Sequence[tuple[Array, Array]]) -> list[str]:
    lines = [f"{title}: true and predicted, normalised and not"]
    for place, target in enumerate(targets):
        for row in range(len(pairs[0][0])):
            cells = [f"{one[row, place]:>14.6g}" for pair in pairs for one in pair]
            lines.append(f"{target:>12} {row:>4} {' '.join(cells)}")
    return lines
