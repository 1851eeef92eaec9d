"""All probes of a layer, under all learning rates and decays, trained as one model.

Column c = variant · P + probe trains one probe under one variant.  Losses are summed over columns, so that
a column's gradient is what it would be alone; columns that stopped are cut out with their optimiser state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from trainers.common.devices import widest
from trainers.probes.fitting.adamw import StackedAdamW, runs_of
from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.metrics import accuracy
from trainers.probes.fitting.modules import dropout_shape, seeded_module
from trainers.probes.fitting.plan import BatchReader
from trainers.probes.fitting.ranking import roc_auc
from trainers.probes.fitting.stacked import Parameters, stack, stacked_model, take, weighted_loss
from trainers.probes.fitting.stopping import EarlyStopping
from trainers.probes.reading.inputs import begin, folded, standardisation, standardised, start_biases
from trainers.probes.reading.layer import Layer, Trained, VariantResult, best_of, pos_weights, variant_values
from trainers.probes.results.history import PER_EPOCH
from trainers.probes.settings import Settings

FEW_COLUMNS = 128


class FusedTraining:
    """One pass of training over the given probes of a layer."""

    def __init__(self, layer: Layer, settings: Settings, probes: Sequence[int]) -> None:
        self._layer = layer
        self._settings = settings = settings.for_width(layer.n_features)
        self._probes = list(probes)
        self._variants = settings.variants()
        self.inputs = standardisation(layer.rows["train"], settings)
        """What activations are standardised by, if they are."""
        self._reader = BatchReader(
            standardised(layer.rows["train"], self.inputs),
            settings.batch_of(layer.rows["train"].n_rows),
            dropout_shape(settings),
            settings.compute_dtype,
            settings.storage_dtype,
            layer.device,
        )
        self._evaluator = Evaluator(layer.rows["val"], settings.compute_dtype, layer.device)
        columns = len(self._probes) * len(self._variants)
        self._history = torch.full((len(PER_EPOCH), settings.epochs, columns), torch.nan, dtype=torch.float64)
        self._results: list[VariantResult | None] = [None] * columns
        self._best: list[Parameters] = [{} for _ in range(columns)]
        self._select(torch.arange(columns))
        self._model = stacked_model(settings, self._initial())
        self._optimiser = StackedAdamW(self._model.parameters, self._runs)
        self._stopping = EarlyStopping(self._model.parameters, settings.patience)

    def run(self) -> Iterator[tuple[int, int, list[Trained]]]:
        """Yield (epochs done, epochs at most, probes that just finished) until all have finished."""
        for epoch in range(self._settings.epochs):
            train_loss = self._train(epoch)
            val_loss, auc, share = self._validate()
            self._history[:, epoch, self._columns] = torch.stack([train_loss, val_loss, auc, share])
            stopped = self._stopping.update(epoch, auc, self._model.parameters)
            if epoch + 1 == self._settings.epochs:
                stopped = torch.ones_like(stopped)
            yield epoch + 1, self._settings.epochs, self._cut_out(stopped, epoch + 1)
            if not len(self._columns):
                return

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

    def _select(self, columns: Tensor) -> None:
        """Make everything that has an entry a column follow the columns in training."""
        device, settings = self._layer.device, self._settings
        self._columns = columns
        self._runs = runs_of([self._variants[column // len(self._probes)] for column in columns.tolist()])
        probes = torch.tensor(self._probes)[columns % len(self._probes)].to(device)
        targets = self._layer.targets
        self._train_targets = targets["train"].index_select(1, probes)
        self._val_targets = targets["val"].index_select(1, probes).t().contiguous()
        weights = pos_weights(settings, targets["train"])
        self._pos_weight = None if weights is None else weights[probes]

    def _train(self, epoch: int) -> Tensor:
        settings = self._settings
        lrs = [settings.lr_at(epoch, run.variant.lr) for run in self._runs]
        device = self._layer.device
        total = torch.zeros(len(self._columns), dtype=widest(device), device=device)
        for batch in self._reader.epoch(settings.seed, epoch, self._train_targets):
            loss, gradients = self._model.gradients(batch, self._pos_weight)
            self._optimiser.step(gradients, lrs)
            total += loss
        return total.cpu().double() / len(self._train_targets)

    def _validate(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return loss, AUC and accuracy of every column, float64 [C] on the host."""
        model = stacked_model(self._settings, folded(self._model.parameters, self.inputs))
        logits = self._evaluator.logits(model.logits, len(self._columns))
        labels = self._val_targets
        weights = None if self._pos_weight is None else self._pos_weight[:, None]
        loss = weighted_loss(logits, labels.to(logits.dtype), weights).mean(1)
        return loss.cpu().double(), roc_auc(logits, labels).cpu(), accuracy(logits, labels)

    def _cut_out(self, stopped: Tensor, epochs: int) -> list[Trained]:
        if not bool(stopped.any()):
            return []
        for place in stopped.nonzero()[:, 0].tolist():
            self._archive(place, epochs)
        done = (self._columns[stopped] % len(self._probes)).unique().tolist()
        going = (~stopped).nonzero()[:, 0]
        kept = take(
            {name: value.detach() for name, value in self._model.parameters.items()},
            going.to(self._layer.device),
        )
        self._select(self._columns[going])
        self._model = stacked_model(self._settings, kept)
        self._optimiser.keep(going.to(self._layer.device), self._model.parameters, self._runs)
        self._stopping.keep(going)
        finished = [self._finish(probe) for probe in done]
        return [trained for trained in finished if trained is not None]

    def _archive(self, place: int, epochs: int) -> None:
        column = int(self._columns[place])
        variant = self._variants[column // len(self._probes)]
        auc = float(self._stopping.best_auc[place])
        best_epoch = int(self._stopping.best_epoch[place]) + 1
        self._results[column] = VariantResult(
            variant_values(variant), auc if best_epoch else float("nan"), best_epoch, epochs
        )
        best = {name: value[place].cpu().clone() for name, value in self._stopping.best.items()}
        self._best[column] = folded(best, self.inputs)

    def _finish(self, place: int) -> Trained | None:
        """Return probe number `place` of this pass once its last variant has stopped."""
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


def product_threads(settings: Settings, probes: int, cores: int) -> int:
    """Return how many of a CPU's cores to multiply on.

    With few columns the products take about as long as preparing the batches, which is one thread's work;
    were there a thread more than cores, every product would wait for the one without.
    """
    few = settings.model_type == "linear" and probes * len(settings.variants()) <= FEW_COLUMNS
    return max(1, cores - 1) if few else cores
