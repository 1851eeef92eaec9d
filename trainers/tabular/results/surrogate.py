"""A saved model as something that can be called: columns or rows in, predictions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Problem, Rows
from trainers.tabular.data.features import Infinite, amounts, missing_notes, unseen_note
from trainers.tabular.data.schema import FILE
from trainers.tabular.evaluation.classification import fitted_temperature, tempered
from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.evaluation.regression import mean_and_spread
from trainers.tabular.models.registry import load
from trainers.tabular.results.predictions import Classes, Prediction, Values
from trainers.tabular.results.saved import DESCRIPTION, Calibration, SavedModel, load_model

BATCH = 8192
Precision = Literal["float32", "bfloat16"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class MemberOutputs:
    """What each member says of rows."""

    values: Array
    """[M, N, T] in the targets' units, or probabilities [M, N, K]."""
    viable: Array | None = None
    """[M, N] how likely a row has valid targets, where the model tells."""


class Surrogate:
    """A model that answers: the mean over its members, how far they spread, and intervals."""

    def __init__(
        self, model: SavedModel, device: str | torch.device = "cpu", precision: Precision = "float32"
    ) -> None:
        """Build the members' networks; BadInput where weights and sizes do not belong together.

        With `bfloat16` products are computed in it: twice as fast and more where the processor has it, and
        rounded to three digits.
        """
        self.model, self._precision = model, precision
        self._device = torch.device(device)
        self._networks = [load(model.spec, one.state).to(self._device) for one in model.members]

    @classmethod
    def load(
        cls, folder: Path | str, device: str | torch.device = "cpu", precision: Precision = "float32"
    ) -> Surrogate:
        """Return the saved model of a folder; BadInput where there is none."""
        model = load_model(Path(folder))
        with reading(Path(folder) / DESCRIPTION, "a model of tables"):
            found = cls(model, device, precision)
            found.members(_example(model.spec.columns))
        return found

    def predict(self, columns: Mapping[str, ArrayLike]) -> Prediction:
        """Return predictions for columns of equal length, by their names; other columns are not looked at.

        A missing amount is NaN, a missing category None.  Raises BadInput where a column lacks (it names
        those that are missing and those that are new), for texts as amounts and for infinite values.
        """
        return self.predict_rows(self.rows(columns)[0])

    def rows(self, columns: Mapping[str, ArrayLike]) -> tuple[Rows, tuple[str, ...]]:
        """Return columns as rows without targets, and notes on what is missing or unknown in them."""
        spec = self.model.spec
        check_columns(spec.columns.names, list(columns))
        table = {
            name: _column(columns[name], is_category=name in spec.columns.categorical)
            for name in spec.columns.names
        }
        lengths = {len(values) for values in table.values()}
        if len(lengths) > 1:
            raise BadInput(f"columns are of different lengths: {', '.join(map(str, sorted(lengths)))}")
        numeric = amounts(table, spec.columns.numeric, self._infinite(), trained=True)
        stacked = np.stack([*numeric.values()], 1) if numeric else np.zeros((lengths.pop(), 0))
        categories, unseen = self.model.vocabulary.numbers(table, len(stacked))
        notes = (*missing_notes(spec.columns, stacked), *unseen_note(unseen))
        inputs = torch.from_numpy(stacked).float(), torch.from_numpy(categories)
        return Rows(*inputs, torch.zeros(len(stacked), 0)), notes

    def _infinite(self) -> Infinite:
        """Return what infinite amounts were in training."""
        told = self.model.settings.get("settings")
        is_missing = isinstance(told, Mapping) and told.get("infinite") == "missing"
        return "missing" if is_missing else "error"

    def predict_rows(self, rows: Rows) -> Prediction:
        """Return predictions for rows; their targets are not looked at."""
        problem, calibration = self.model.spec.problem, self.model.calibration
        found = self.members(rows)
        if problem.kind != "regression":
            probabilities = tempered(found.values.mean(0), calibration.temperature)
            return Classes(problem.targets[0], problem.classes, probabilities)
        mean, spread = mean_and_spread(found.values)
        known = calibration.conformal
        intervals = {} if known is None else {level: known.interval(mean, level) for level in known.levels}
        viable = None if found.viable is None else found.viable.mean(0)
        return Values(problem.targets, mean, spread, intervals, viable)

    def members(self, rows: Rows, folds: Sequence[int] | None = None) -> MemberOutputs:
        """Return what each member says, those of `folds` alone where these are given."""
        chosen = [
            number
            for number, member in enumerate(self.model.members)
            if folds is None or member.fold in folds
        ]
        prepared = self._prepared(rows, {self.model.members[number].fold for number in chosen})
        parts = [self._outputs(number, prepared, rows.categories) for number in chosen]
        viable = [part.viable for part in parts if part.viable is not None]
        return MemberOutputs(np.stack([part.values for part in parts]), np.stack(viable) if viable else None)

    def _prepared(self, rows: Rows, folds: set[int]) -> dict[int, Tensor]:
        return {fold: self.model.statistics[fold].inputs.apply(rows.numeric) for fold in folds}

    def _rounding(self) -> AbstractContextManager[object]:
        if self._precision == "float32":
            return nullcontext()
        return torch.autocast(self._device.type, dtype=torch.bfloat16)

    def _outputs(self, number: int, prepared: Mapping[int, Tensor], categories: Tensor) -> MemberOutputs:
        fold = self.model.members[number].fold
        with self._rounding():
            raw = evaluated(self._networks[number], prepared[fold], categories).float()
        targets = self.model.statistics[fold].targets
        problem = self.model.spec.problem
        if targets is None:
            return MemberOutputs(class_probabilities(raw, problem).double().numpy())
        values = targets.invert(raw[:, : len(problem.targets)]).numpy()
        return MemberOutputs(values, raw[:, -1].double().sigmoid().numpy() if problem.viability else None)


@torch.inference_mode()
def evaluated(network: nn.Module, numeric: Tensor, categories: Tensor) -> Tensor:
    """Return a network's outputs for prepared rows, [N, outputs] on the CPU, in batches."""
    weight = next(network.parameters())
    numeric = numeric.to(weight.dtype)
    parts = [
        network(x.to(weight.device), c.to(weight.device)).cpu()
        for x, c in zip(numeric.split(BATCH), categories.split(BATCH), strict=True)
    ]
    return torch.cat(parts)


def class_probabilities(raw: Tensor, problem: Problem) -> Tensor:
    """Return probabilities [..., K] of logits: one logit of two classes, or one of each."""
    if problem.kind == "multiclass":
        return raw.softmax(-1)
    return torch.cat([(-raw).sigmoid(), raw.sigmoid()], -1)


def check_columns(wanted: Sequence[str], there: Sequence[str]) -> None:
    """Refuse a table that lacks columns which the model was trained on."""
    missing = [name for name in wanted if name not in there]
    if missing:
        new = [name for name in there if name not in wanted and name != FILE]
        raise BadInput(
            f"the model was trained on other columns: missing here {_listed(missing)}; "
            f"new here {_listed(new)}; give it a table with all {len(wanted)} of its columns"
        )


def calibrated(model: SavedModel, held_out: Sequence[Rows]) -> SavedModel:
    """Return the model with intervals or a temperature learnt from rows that its members were not trained on.

    `held_out` are the validation rows of each fold; those of a fold are predicted by its own members.
    """
    surrogate = Surrogate(model)
    parts = [(rows, fold) for fold, rows in enumerate(held_out) if len(rows)]
    if not parts:
        return replace(model, calibration=Calibration())
    means = np.concatenate([surrogate.members(rows, [fold]).values.mean(0) for rows, fold in parts])
    truth = np.concatenate([rows.targets.numpy() for rows, _ in parts])
    if model.spec.problem.kind == "regression":
        return replace(model, calibration=Calibration(Conformal.fit(truth.astype(np.float64), means)))
    return replace(model, calibration=Calibration(None, fitted_temperature(truth, means)))


def _column(values: ArrayLike, *, is_category: bool) -> NDArray:
    """Return a column as files give them: float64, or objects that are texts or None."""
    found = np.asarray(values)
    if found.dtype.kind in "fiu" or (found.dtype.kind == "b" and not is_category):
        return found.astype(np.float64)
    return np.array([None if one is None or one != one else str(one) for one in found.tolist()], dtype=object)


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more


def _example(columns: Columns) -> Rows:
    """Return a row, on which a model shows that its parts fit together."""
    amounts = torch.zeros(1, len(columns.numeric))
    return Rows(amounts, torch.zeros(1, len(columns.categorical), dtype=torch.int64), torch.zeros(1, 0))
