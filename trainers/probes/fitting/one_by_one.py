"""The reference: every probe its own module and optimiser, several at a time in threads.

Follows the plan of `plan` (order, dropout, initial weights), so that its probes equal those of `fused`.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset

from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.metrics import accuracy
from trainers.probes.fitting.modules import dropout_shape, seeded_module
from trainers.probes.fitting.plan import Batch, BatchReader, BatchRng, draw_masks
from trainers.probes.fitting.ranking import roc_auc
from trainers.probes.reading.inputs import (
    Standardisation,
    begin,
    folded,
    standardisation,
    standardised,
    start_biases,
)
from trainers.probes.reading.layer import Layer, Trained, VariantResult, best_of, pos_weights, variant_values
from trainers.probes.results.history import PER_EPOCH
from trainers.probes.settings import Loader, Settings, Variant

History = dict[str, list[float]]


class _Examples(Dataset):
    """One probe's examples, fetched one at a time."""

    def __init__(self, rows: ResidentRows, targets_N: Tensor) -> None:
        self._x = rows.x_ND
        self._y = targets_N

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._x[index], self._y[index]


@dataclass
class _LoaderReader:
    """The batches of `BatchReader` by way of a DataLoader."""

    rows: ResidentRows
    settings: Settings
    device: torch.device
    inputs: Standardisation | None

    def epoch(self, seed: int, epoch: int, targets_NC: Tensor) -> Iterator[Batch]:
        dropout = dropout_shape(self.settings)
        rng = BatchRng(seed, epoch, self.device)
        order = self.rows.order(rng).rows.tolist()
        examples = _Examples(self.rows, targets_NC[:, 0].to(self.settings.compute_dtype))
        compute = self.settings.compute_dtype
        # A loader draws from the global generator unless told, even while another thread has it seeded.
        size = self.settings.batch_of(len(examples))
        loader = DataLoader(examples, size, sampler=order, generator=torch.Generator())
        for x, y in loader:
            x, y = x.to(self.device, compute), y.to(self.device)[:, None]
            if self.inputs is not None:
                self.inputs.apply_(x)
            widths = dropout.widths(self.rows.n_features)
            keep = tuple(torch.empty(len(x), width, dtype=torch.bool, device=self.device) for width in widths)
            draw_masks(rng, keep, dropout, x)
            if keep and dropout.inputs:
                yield Batch(x, y, keep[1:], 1 / (1 - dropout.rate))
            else:
                yield Batch(x, y, keep, 1.0)


class OneByOneTraining:
    """Trains the given probes of a layer separately, `workers` of them at a time."""

    def __init__(
        self, layer: Layer, settings: Settings, probes: Sequence[int], workers: int, loader: Loader
    ) -> None:
        self._layer = layer
        self._settings = settings = settings.for_width(layer.n_features)
        self._probes = list(probes)
        self._workers = workers
        self._loader = loader
        self._weights = pos_weights(settings, layer.targets["train"])
        self._biases = start_biases(settings, layer.targets["train"])
        self.inputs = standardisation(layer.rows["train"], settings)
        """What activations are standardised by, if they are."""
        self.stopped = threading.Event()
        """Set when nobody waits for the probes any more."""

    def run(self) -> Iterator[tuple[int, int, list[Trained]]]:
        """Yield (probes done, all probes, probes that just finished) until all have finished.

        A probe that fails ends it, after those that finished beside it.
        """
        done_count = 0
        pool = ThreadPoolExecutor(self._workers)
        pending: set[Future[Trained]] = {pool.submit(self._probe, probe) for probe in self._probes}
        try:
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                done_count += len(done)
                good = [future for future in done if future.exception() is None]
                yield done_count, len(self._probes), [future.result() for future in good]
                for future in done.difference(good):
                    future.result()
        finally:
            self.stopped.set()
            pool.shutdown(cancel_futures=True)

    def _probe(self, probe: int) -> Trained:
        ended = [self._variant(probe, variant) for variant in self._settings.variants()]
        results = [one for one, _, _ in ended]
        chosen, state, history = ended[best_of(results)]
        return Trained(probe, state, chosen, results, history)

    def _variant(self, probe: int, variant: Variant) -> tuple[VariantResult, dict[str, Tensor], History]:
        module = seeded_module(self._settings, self._layer.n_features, probe)
        bias = None if self._biases is None else self._biases[probe]
        module.load_state_dict(begin(module.state_dict(), bias))
        module = module.to(self._layer.device)
        trainer = _Single(self, module, probe, variant)
        return trainer.run()

    def reader(self) -> BatchReader | _LoaderReader:
        """Return a source of batches of its own for one probe."""
        rows, settings, device = self._layer.rows["train"], self._settings, self._layer.device
        if self._loader == "dataloader" and isinstance(rows, ResidentRows):
            return _LoaderReader(rows, settings, device, self.inputs)
        return BatchReader(
            standardised(rows, self.inputs),
            settings.batch_of(rows.n_rows),
            dropout_shape(settings),
            settings.compute_dtype,
            settings.storage_dtype,
            device,
        )

    def criterion(self, probe: int) -> nn.BCEWithLogitsLoss:
        """Return the loss of one probe."""
        return nn.BCEWithLogitsLoss(pos_weight=None if self._weights is None else self._weights[probe])


class _Single:
    """One probe under one variant, trained the ordinary way."""

    def __init__(self, owner: OneByOneTraining, module: nn.Module, probe: int, variant: Variant) -> None:
        settings, layer = owner._settings, owner._layer
        self._settings = settings
        self._module = module
        self._inputs = owner.inputs
        # Validation reads activations as they are, and so needs the weights for these.
        self._plain = copy.deepcopy(module)
        self._variant = variant
        self._optimiser = torch.optim.AdamW(
            module.parameters(), lr=variant.lr, weight_decay=variant.weight_decay
        )
        self._scheduler = CosineAnnealingLR(self._optimiser, settings.horizon, settings.min_lr)
        self._stopped = owner.stopped
        self._criterion = owner.criterion(probe)
        self._reader = owner.reader()
        self._evaluator = Evaluator(layer.rows["val"], settings.compute_dtype, layer.device)
        self._train_targets = layer.targets["train"][:, probe : probe + 1].contiguous()
        self._val_targets = layer.targets["val"][:, probe][None]

    def run(self) -> tuple[VariantResult, dict[str, Tensor], History]:
        history: History = {name: [] for name in PER_EPOCH}
        best_auc, best_epoch, best_state = float("nan"), 0, self._snapshot()
        epoch = 0
        for epoch in range(1, self._settings.epochs + 1):
            train_loss = self._train(epoch - 1)
            val_loss, auc, share = self._validate()
            for name, value in zip(PER_EPOCH, (train_loss, val_loss, auc, share), strict=True):
                history[name].append(value)
            if auc > best_auc or (best_epoch == 0 and auc == auc):
                best_auc, best_epoch, best_state = auc, epoch, self._snapshot()
            if epoch - best_epoch >= self._settings.patience:
                break
        return VariantResult(variant_values(self._variant), best_auc, best_epoch, epoch), best_state, history

    def _snapshot(self) -> dict[str, Tensor]:
        state = {name: value.cpu().clone() for name, value in self._module.state_dict().items()}
        return folded(state, self._inputs)

    def _train(self, epoch: int) -> float:
        total = 0.0
        for batch in self._reader.epoch(self._settings.seed, epoch, self._train_targets):
            if self._stopped.is_set():
                raise CancelledError
            self._optimiser.zero_grad()
            loss = self._criterion(self._forward(batch), batch.y_BC[:, 0])
            loss.backward()
            self._optimiser.step()
            total += float(loss.detach()) * len(batch.x_BD)
        if self._settings.scheduler:
            self._scheduler.step()
        return total / len(self._train_targets)

    def _forward(self, batch: Batch) -> Tensor:
        x = batch.x_BD
        reduced = x.dtype == torch.bfloat16
        with torch.autocast(x.device.type, torch.bfloat16, enabled=reduced):
            if batch.input_scale != 1.0:
                x = x.mul_(batch.input_scale)
            logits: Tensor = self._module(x, batch.keep) if batch.keep else self._module(x)
        return logits.float() if reduced else logits

    def _validate(self) -> tuple[float, float, float]:
        """Return loss, AUC and accuracy."""
        self._plain.load_state_dict(folded(self._module.state_dict(), self._inputs))
        logits = self._evaluator.logits(lambda x: self._plain(x)[:, None], 1)
        loss = self._criterion(logits[0], self._val_targets[0].to(logits.dtype))
        labels = self._val_targets
        return float(loss), float(roc_auc(logits, labels)[0]), float(accuracy(logits, labels)[0])
