"""Probes of a layer that one job trains, under all of its learning rates and decays, as one model.

Column c = variant · P + probe trains one probe under one variant.  Losses are summed over columns, so that
a column's gradient is what it would be alone; columns that stopped are cut out with their optimiser state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from trainers.common.devices import widest
from trainers.probes.fitting.adamw import Run, StackedAdamW, runs_of
from trainers.probes.fitting.device.adamw import DeviceAdamW
from trainers.probes.fitting.device.areas import Areas
from trainers.probes.fitting.device.linear import DeviceLinear
from trainers.probes.fitting.device.ways import Ways
from trainers.probes.fitting.evaluation import Forward
from trainers.probes.fitting.metrics import accuracy
from trainers.probes.fitting.modules import seeded_module
from trainers.probes.fitting.plan import Batch
from trainers.probes.fitting.ranking import roc_auc
from trainers.probes.fitting.stacked import (
    Parameters,
    StackedModel,
    filled_up,
    stack,
    stacked_model,
    take,
    weighted_loss,
    width_of,
)
from trainers.probes.fitting.stopping import EarlyStopping
from trainers.probes.reading.inputs import Standardisation, begin, folded, start_biases
from trainers.probes.reading.layer import Layer, Trained, VariantResult, best_of, pos_weights, variant_values
from trainers.probes.results.history import PER_EPOCH
from trainers.probes.settings import Settings

CUT_AT = 0.25
"""The share of columns that must have stopped before they are cut out of steps that are recorded."""


class Optimiser(Protocol):
    """What moves stacked parameters in place."""

    def rates(self, lrs: Sequence[float]) -> Any: ...

    def step(self, gradients: Parameters, rates: Any) -> None:
        """Take one step with what `rates` returned."""
        ...

    def keep(self, columns: Tensor, parameters: Parameters, runs: Sequence[Run]) -> None: ...


@dataclass(frozen=True)
class Trainee:
    """What one job wants trained."""

    layer: Layer = field(repr=False)
    settings: Settings
    """With the learning rates of the layer's width."""
    probes: Sequence[int]


class Columns:
    """The columns of one job: steps, validation, early stopping."""

    def __init__(self, trainee: Trainee, inputs: Standardisation | None, ways: Ways | None = None) -> None:
        """`ways` to take steps that are recorded; None for those of a CPU."""
        self._layer, self._settings = trainee.layer, trainee.settings
        self._probes = list(trainee.probes)
        self._variants = self._settings.variants()
        self._inputs, self._ways = inputs, ways
        columns = len(self._probes) * len(self._variants)
        shape = (len(PER_EPOCH), self._settings.epochs, columns)
        self._history = torch.full(shape, torch.nan, dtype=torch.float64)
        self._results: list[VariantResult | None] = [None] * columns
        self._best: list[Parameters] = [{} for _ in range(columns)]
        self._select(torch.arange(columns))
        self._model = self._model_of(self._initial())
        self._optimiser = self._new_optimiser()
        self._stopping = EarlyStopping(self._model.parameters, self._settings.patience)

    def __len__(self) -> int:
        """Return how many are in training."""
        return len(self._columns)

    def begin(self, epoch: int) -> Tensor:
        """Get ready for an epoch, from 0, and return the targets of its steps, uint8 [N, W]."""
        lrs = [self._settings.lr_at(epoch, run.variant.lr) for run in self._runs]
        self._lrs = self._optimiser.rates(lrs)
        self._total.zero_()
        return self._train_targets

    def step(self, batch: Batch) -> None:
        """Take a step with a batch of the targets that `begin` returned."""
        loss, gradients = self._model.gradients(batch, self._train_weight)
        self._optimiser.step(gradients, self._lrs)
        self._total += loss

    def plain_model(self) -> tuple[Forward, int]:
        """Return what maps activations as they are to logits [n, C], and its C columns."""
        model = stacked_model(self._settings, folded(self._model.parameters, self._inputs))
        return model.logits, len(self)

    def end(self, epoch: int, logits_CN: Tensor) -> list[Trained]:
        """Take in the logits of the validation split after an epoch and return the probes that finished."""
        figures = torch.stack([self._total.cpu().double() / len(self._train_targets), *self._seen(logits_CN)])
        self._history[:, epoch, self._columns] = figures
        auc = figures[PER_EPOCH.index("val_auc")]
        stopped = self._stopping.update(epoch, auc, self._model.parameters)
        if epoch + 1 == self._settings.epochs:
            stopped = torch.ones_like(stopped)
        return self._archived(stopped & ~self._is_over, epoch + 1)

    def _initial(self) -> Parameters:
        biases = start_biases(self._settings, self._layer.targets["train"])
        states = [
            begin(
                seeded_module(self._settings, self._layer.n_features, probe).state_dict(),
                None if biases is None else biases[probe],
            )
            for probe in self._probes
        ]
        each = {name: value.to(self._layer.device) for name, value in stack(states).items()}
        copies = len(self._variants)
        return {name: value.repeat(copies, *[1] * (value.ndim - 1)) for name, value in each.items()}

    def _model_of(self, parameters: Parameters) -> StackedModel:
        if self._ways and self._settings.model_type == "linear":
            return DeviceLinear(parameters, self._ways.arithmetic)
        return stacked_model(self._settings, parameters)

    def _new_optimiser(self) -> Optimiser:
        if self._ways:
            return DeviceAdamW(self._model.parameters, self._runs, self._ways.arithmetic)
        return StackedAdamW(self._model.parameters, self._runs)

    def _select(self, columns: Tensor) -> None:
        """Make everything that has an entry a column follow the columns in training."""
        device, settings = self._layer.device, self._settings
        self._columns = columns
        self._is_over = torch.zeros(len(columns), dtype=torch.bool)
        self._runs = runs_of([self._variants[column // len(self._probes)] for column in columns.tolist()])
        probes = torch.tensor(self._probes)[columns % len(self._probes)].to(device)
        targets = self._layer.targets
        width = len(columns) if self._ways else width_of(settings, len(columns))
        self._train_targets = filled_up(targets["train"].index_select(1, probes), width)
        self._val_targets = targets["val"].index_select(1, probes).t().contiguous()
        self._areas = Areas(self._val_targets) if self._ways else None
        self._total = torch.zeros(len(columns), dtype=widest(device), device=device)
        weights = pos_weights(settings, targets["train"])
        self._pos_weight = None if weights is None else weights[probes]
        self._train_weight = None if weights is None else filled_up(weights[probes], width, 1.0)

    def _seen(self, logits_CN: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return validation loss, AUC and accuracy of every column, float64 [C] on the host."""
        labels = self._val_targets
        weights = None if self._pos_weight is None else self._pos_weight[:, None]
        loss = weighted_loss(logits_CN, labels.to(logits_CN.dtype), weights).mean(1)
        area = self._areas.roc_auc(logits_CN) if self._areas else roc_auc(logits_CN, labels)
        return loss.cpu().double(), area.cpu(), accuracy(logits_CN, labels)

    def _archived(self, stopped: Tensor, epochs: int) -> list[Trained]:
        """Archive the columns that have stopped and return the probes that have finished by that."""
        if not bool(stopped.any()):
            return []
        for place in stopped.nonzero()[:, 0].tolist():
            self._archive(place, epochs)
        done = (self._columns[stopped] % len(self._probes)).unique().tolist()
        self._is_over |= stopped
        # Recording a step anew costs some tenths of a second; meanwhile those that are over go on in vain.
        if bool(self._is_over.all()) or self._is_over.double().mean() >= (CUT_AT if self._ways else 0):
            self._cut_out((~self._is_over).nonzero()[:, 0])
        finished = [self._finish(probe) for probe in done]
        return [trained for trained in finished if trained is not None]

    def _cut_out(self, going: Tensor) -> None:
        kept = take(
            {name: value.detach() for name, value in self._model.parameters.items()},
            going.to(self._layer.device),
        )
        self._select(self._columns[going])
        self._model = self._model_of(kept)
        self._optimiser.keep(going.to(self._layer.device), self._model.parameters, self._runs)
        self._stopping.keep(going)

    def _archive(self, place: int, epochs: int) -> None:
        column = int(self._columns[place])
        variant = self._variants[column // len(self._probes)]
        auc = float(self._stopping.best_auc[place])
        best_epoch = int(self._stopping.best_epoch[place]) + 1
        self._results[column] = VariantResult(
            variant_values(variant), auc if best_epoch else float("nan"), best_epoch, epochs
        )
        best = {name: value[place].cpu().clone() for name, value in self._stopping.best.items()}
        self._best[column] = folded(best, self._inputs)

    def _finish(self, place: int) -> Trained | None:
        """Return probe number `place` of this job once its last variant has stopped."""
        columns = range(place, len(self._results), len(self._probes))
        results = [done for done in (self._results[column] for column in columns) if done is not None]
        if len(results) < len(columns):
            return None
        chosen = best_of(results)
        epochs = results[chosen].stop_epoch
        rows = self._history[:, :epochs, columns[chosen]].tolist()
        history = dict(zip(PER_EPOCH, rows, strict=True))
        state = self._best[columns[chosen]]
        for column in columns:
            self._best[column] = {}
        return Trained(self._probes[place], state, results[chosen], results, history)
