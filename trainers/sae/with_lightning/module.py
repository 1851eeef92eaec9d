"""The autoencoder as a LightningModule, and the callback that tells and keeps what it says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from trainers.sae.loop import REPORT_SECONDS, Plan, Progress
from trainers.sae.rates import LEAST_RATE, PLATEAU_FACTOR, PLATEAU_PATIENCE, RESTART_EPOCHS, rate_at
from trainers.sae.records import Pace, Record, Records
from trainers.sae.with_lightning.networks import Figures, Network

BETAS = (0.9, 0.999)


class SaeModule(LightningModule):
    """A network, its optimiser and its schedule."""

    def __init__(self, network: Network, plan: Plan, rate: float, factor: float) -> None:
        super().__init__()
        self.network, self._plan, self._base, self._factor = network, plan, rate, factor
        self._plateau: torch.optim.lr_scheduler.ReduceLROnPlateau | None = None

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        """Return the loss of a batch [B, D]."""
        figures: Figures = self.network(batch[0] * self._factor)
        self.log_dict(
            {
                "train_loss": figures.loss.detach(),
                "reconstruction_loss": figures.reconstruction_loss.detach(),
                "sparsity_loss": figures.sparsity_loss.detach(),
                "train_l0": figures.l0,
            }
        )
        return figures.loss

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        """Log the loss of held-out examples [B, D]."""
        figures: Figures = self.network(batch[0] * self._factor)
        named = {"val_loss": figures.loss, "val_l0": figures.l0}
        self.log_dict(named, on_epoch=True, batch_size=len(batch[0]))

    def on_validation_epoch_end(self) -> None:
        """Lower the rate of `plateau` where the loss no longer falls."""
        if self._plateau is not None and not self.trainer.sanity_checking:
            self._plateau.step(float(self.trainer.callback_metrics["val_loss"]))

    def configure_optimizers(self) -> Any:
        """Return the optimiser, and the schedule where Lightning is to step it."""
        settings = self._plan.settings
        kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
        decay = settings.weight_decay
        optimizer = kind(self.parameters(), lr=self._base, weight_decay=decay, betas=BETAS)
        if settings.schedule == "plateau":
            self._plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, mode="min", factor=PLATEAU_FACTOR, patience=PLATEAU_PATIENCE
            )
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": self._scheduler(optimizer)}

    def _scheduler(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        plan = self._plan
        if plan.settings.schedule == "restarts":
            restarts = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
                optimizer, T_0=RESTART_EPOCHS, T_mult=2, eta_min=LEAST_RATE
            )
            return {"scheduler": restarts, "interval": "epoch"}

        def share(step: int) -> float:
            return rate_at(plan.settings, 1.0, step, plan.horizon, plan.steps_an_epoch)

        return {"scheduler": torch.optim.lr_scheduler.LambdaLR(optimizer, share), "interval": "step"}


class Telling(Callback):
    """Writes a record for each validation and tells progress."""

    def __init__(self, plan: Plan, records: Records, progress: Progress) -> None:
        self._plan, self._records, self._progress = plan, records, progress
        self._pace: Pace | None = None
        self._reported = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """Tell progress now and then."""
        if self._pace is None:
            self._pace = self._new_pace(trainer)
        if time.monotonic() - self._reported > REPORT_SECONDS:
            self._tell(trainer, {})

    def on_validation_end(self, trainer: Trainer, _: LightningModule) -> None:
        """Write a record, but not of Lightning's look at whether validation works at all."""
        if trainer.sanity_checking:
            return
        figures = _numbers(trainer)
        optimizer = trainer.optimizers[0]
        place: Record = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step}
        place |= {"rate": optimizer.param_groups[0]["lr"], "loss": figures.get("train_loss")}
        names = ("reconstruction_loss", "sparsity_loss", "train_l0", "val_loss", "val_l0")
        place |= {name: figures[name] for name in names if name in figures}
        self._records.add({**place, **self._speed(trainer)})
        self._records.write()
        self._tell(trainer, {"val_loss": figures["val_loss"]})

    def _tell(self, trainer: Trainer, more: Mapping[str, float]) -> None:
        self._reported = time.monotonic()
        figures = _numbers(trainer)
        told = {"loss": figures.get("train_loss", 0.0), "l0": figures.get("train_l0", 0.0), **more}
        epochs = -(-self._plan.steps // self._plan.steps_an_epoch)
        self._progress(trainer.current_epoch + 1, epochs, **told, **self._speed(trainer))

    def _speed(self, trainer: Trainer) -> Record:
        return {} if self._pace is None else self._pace.figures(trainer.global_step * self._step_examples)

    def _new_pace(self, trainer: Trainer) -> Pace:
        return Pace(trainer.global_step * self._step_examples, self._plan.steps * self._step_examples)

    @property
    def _step_examples(self) -> int:
        return self._plan.batch * self._plan.settings.accumulate


def _numbers(trainer: Trainer) -> dict[str, float]:
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
