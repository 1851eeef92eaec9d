"""What is trained, how, and how far it has come."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from torch import Tensor, nn

from trainers.personalization.data import Windows
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.sampling import Augmentation, TrainingSet
from trainers.personalization.scoring import Scores

Report = Callable[..., None]
"""Called as `report(epoch, epochs, name=value, …)` after each epoch."""

CURVES = ("train_loss", "val_loss", "train_f1", "val_f1", "val_accuracy")


@dataclass(frozen=True)
class Schedule:
    """How long and how a network is trained."""

    stage: str
    """`base` or `target`; keeps the random numbers of the two apart."""
    epochs: int
    patience: int
    """Epochs without a better validation loss after which training ends."""
    lr: float
    seed: int
    augmentation: Augmentation | None
    cosine: bool = False
    """Whether the learning rate falls to zero along `horizon`, else it is constant."""
    label_smoothing: float = 0.0
    least_epochs: int = 0
    """Epochs before which none is the best and none counts as waiting."""
    average: float = 0.0
    """How much of the running mean of the weights stays from step to step; 0 trains without one."""
    horizon: int | None = None
    """Epochs along which the learning rate falls, where they are more than those that are trained."""

    def rate(self, epoch: int) -> float:
        """Return the share of the learning rate that is used in an epoch, counted from 1."""
        horizon = self.horizon or self.epochs
        return (1 + math.cos(math.pi * (epoch - 1) / horizon)) / 2 if self.cosine else 1.0


@dataclass(frozen=True)
class CheckpointPlan:
    """Where and how often the state is saved."""

    path: Path
    every: int
    """Epochs; 0 never saves on the way."""
    job: dict[str, Any]
    """A checkpoint of another job than this one is not used."""


@dataclass
class Progress:
    """How far a training has come.  Epochs count from 1."""

    epoch: int = 0
    best_epoch: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CURVES})
    """One value an epoch, by name."""

    def best(self, curve: str) -> float:
        """Return the value of a curve in the epoch of the lowest validation loss."""
        return self.curves[curve][self.best_epoch - 1]

    def record(self, train: Scores, val: Scores, least_epochs: int = 0) -> bool:
        """Append an epoch and return whether it is the best one so far.

        Of the first `least_epochs` the last one always is.
        """
        values = (train.loss, val.loss, train.f1, val.f1, val.accuracy)
        self.epoch += 1
        for name, value in zip(CURVES, values, strict=True):
            self.curves[name].append(value)
        early = self.epoch <= least_epochs
        better = early or self.best_epoch == 0 or val.loss < self.best("val_loss")
        if better:
            self.best_epoch = self.epoch
        return better

    def is_over(self, schedule: Schedule) -> bool:
        """Return whether training has used its epochs or its patience."""
        waited = self.epoch - self.best_epoch
        return self.epoch >= schedule.epochs or (self.epoch > 0 and waited >= schedule.patience)


@dataclass(frozen=True)
class Past:
    """What has become of a training that goes on: all but the weights, which its network has."""

    progress: Progress
    moments: Moments


def _stays() -> None:
    """Leave never."""


@dataclass(frozen=True)
class Trainee:
    """One network to train: what may differ between those that learn as one."""

    network: nn.Module
    """Trained in place; left with the weights of its last epoch, or their mean where nothing is held out."""
    train: TrainingSet
    val: Windows | None
    """None trains for all epochs of the schedule."""
    schedule: Schedule
    report: Report
    checkpoint: CheckpointPlan | None = None
    may_go_on: Callable[[], None] = _stays
    """Called before each epoch; a TrainerError that it raises ends this training and no other."""
    notes: TextIO | None = None
    """Where it is told that a checkpoint is not used; None is stderr."""
    past: Past | None = None
    """Where it goes on, unless its own checkpoint is further; None: at the first epoch."""
    kept: CheckpointPlan | None = None
    """Where its state is left when it ends, so that a longer training can go on."""
