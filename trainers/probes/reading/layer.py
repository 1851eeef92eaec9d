"""The data of one layer and the probes that come out of it; what every executor takes and yields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from trainers.common.activations.rows import Rows
from trainers.common.devices import wide
from trainers.probes.settings import Settings, Variant


@dataclass(frozen=True)
class Layer:
    """Activations and targets of the three splits, ready to train on."""

    rows: dict[str, Rows]
    targets: dict[str, Tensor]
    """uint8 [N, P], on `device`."""
    device: torch.device
    """Where the arithmetic runs."""

    @property
    def n_features(self) -> int:
        """D, the same in every split."""
        return self.rows["train"].n_features


@dataclass(frozen=True)
class VariantResult:
    """How one variant of a probe ended."""

    variant: dict[str, float]
    val_auc: float
    """NaN if no epoch gave a finite AUC."""
    best_epoch: int
    """Counted from 1."""
    stop_epoch: int
    """Epochs trained."""


@dataclass(frozen=True)
class Trained:
    """One finished probe: the best checkpoint of its best variant."""

    probe: int
    state: dict[str, Tensor]
    """State dict of the probe's module, on the host."""
    chosen: VariantResult
    results: list[VariantResult]
    history: dict[str, list[float]] = field(default_factory=dict)
    """Per epoch: train_loss, val_loss, val_auc, val_accuracy; of the exact solver those of its end."""
    solver: dict[str, float | bool] = field(default_factory=dict)
    """What the exact solver reached: objective, max_gradient, converged."""

    def at_best(self, name: str) -> float:
        """Return a figure of the history at the best epoch."""
        values = self.history[name]
        return values[min(self.chosen.best_epoch, len(values)) - 1]


def best_of(results: Sequence[VariantResult]) -> int:
    """Return the place of the highest validation AUC, the first of equals; NaN loses to any."""
    return max(range(len(results)), key=lambda place: (_rank(results[place].val_auc), -place))


def _rank(auc: float) -> float:
    return auc if auc == auc else -1.0


def variant_values(variant: Variant) -> dict[str, float]:
    """Return a variant as it appears in metrics files."""
    return {"lr": variant.lr, "weight_decay": variant.weight_decay}


def pos_weights(settings: Settings, train_targets_NP: Tensor) -> Tensor | None:
    """Return the weight of each probe's positives in the loss [P], or None where all are 1."""
    if settings.pos_weight == 1.0:
        return None
    positives = wide(train_targets_NP.sum(0, dtype=torch.int64))
    balanced = (len(train_targets_NP) - positives) / positives.clamp(min=1)
    weights = (
        balanced if settings.pos_weight == "balanced" else torch.full_like(balanced, settings.pos_weight)
    )
    return weights.to(train_targets_NP.device, settings.compute_dtype)
