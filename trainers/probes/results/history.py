"""What `metrics_<action>.json` tells of a probe's training."""

from __future__ import annotations

from typing import Any

from trainers.probes.reading.layer import Trained
from trainers.probes.settings import Settings

PER_EPOCH = ("train_loss", "val_loss", "val_auc", "val_accuracy")


def history_of(trained: Trained, settings: Settings) -> dict[str, Any]:
    """Return the figures of every epoch, and how training ended."""
    chosen, rate = trained.chosen, trained.chosen.variant.get("lr")
    epochs = range(chosen.stop_epoch if rate is not None else 0)
    return {
        **{name: trained.history.get(name, []) for name in PER_EPOCH},
        "learning_rates": [settings.lr_at(epoch, rate) for epoch in epochs if rate is not None],
        "best_epoch": chosen.best_epoch,
        "best_val_auc": chosen.val_auc,
        "stopped_early": rate is not None and chosen.stop_epoch < settings.epochs,
    }
