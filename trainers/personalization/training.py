"""The training loop: epochs, early stopping and checkpoints."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.common.damaged import told
from trainers.common.files import read_tensors, write_tensors
from trainers.common.resume import differences
from trainers.common.seeds import derive_seed
from trainers.personalization.adam import FlatAdam
from trainers.personalization.data import Windows
from trainers.personalization.errors import DivergedError
from trainers.personalization.networks import logits
from trainers.personalization.recipe.inputs import split_off_inputs
from trainers.personalization.sampling import Augmentation, TrainingSet
from trainers.personalization.scoring import Scores, evaluate, scores

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
    """Whether the learning rate falls to zero along `epochs`, else it is constant."""
    label_smoothing: float = 0.0
    least_epochs: int = 0
    """Epochs before which none is the best and none counts as waiting."""
    average: float = 0.0
    """How much of the running mean of the weights stays from step to step; 0 trains without one."""

    def rate(self, epoch: int) -> float:
        """Return the share of the learning rate that is used in an epoch, counted from 1."""
        return (1 + math.cos(math.pi * (epoch - 1) / self.epochs)) / 2 if self.cosine else 1.0


@dataclass(frozen=True)
class CheckpointPlan:
    """Where and how often the state is saved."""

    path: Path
    every: int
    """Epochs; 0 never saves."""
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


def fit(
    network: nn.Module,
    train: TrainingSet,
    val: Windows,
    schedule: Schedule,
    report: Report,
    checkpoint: CheckpointPlan | None = None,
) -> Progress:
    """Train `network` in place and return how it went; it is left with the weights of its last epoch.

    Goes on from the checkpoint where there is one of the same job, to the same result.
    Raises DivergedError where a loss stops being a number.
    """
    optimizer = FlatAdam(network, schedule.lr, average=schedule.average)
    body, train, val = _with_inputs_made(network, train, val, schedule)
    progress = resume(checkpoint, network, optimizer) or Progress()
    while not progress.is_over(schedule):
        train_scores = _train_epoch(body, optimizer, train, schedule, progress.epoch + 1)
        with optimizer.averaged():
            val_scores = evaluate(body, val)
            _refuse_divergence(train_scores, val_scores, schedule.stage, progress.epoch + 1)
            if progress.record(train_scores, val_scores, schedule.least_epochs):
                progress.best_weights = copy.deepcopy(network.state_dict())
        report(
            progress.epoch, schedule.epochs, **{name: curve[-1] for name, curve in progress.curves.items()}
        )
        if checkpoint and checkpoint.every and progress.epoch % checkpoint.every == 0:
            _save(checkpoint, network, optimizer, progress)
    return progress


def refit(network: nn.Module, train: TrainingSet, schedule: Schedule) -> None:
    """Train `network` in place for all epochs of the schedule, with nothing held out.

    Raises DivergedError as `fit` does.
    """
    optimizer = FlatAdam(network, schedule.lr, average=schedule.average)
    body, train, _ = _with_inputs_made(network, train, train.windows, schedule)
    for epoch in range(1, schedule.epochs + 1):
        found = _train_epoch(body, optimizer, train, schedule, epoch)
        _refuse_divergence(found, found, schedule.stage, epoch)
    optimizer.take_average()


def _with_inputs_made(
    network: nn.Module, train: TrainingSet, val: Windows, schedule: Schedule
) -> tuple[nn.Module, TrainingSet, Windows]:
    """Return the layers that learn, and windows as they see them: what never changes is computed once."""
    if schedule.augmentation:
        return network, train, val
    body, make = split_off_inputs(network)
    made = [replace(windows, X_NCT=make(windows.X_NCT)) for windows in (train.windows, val)]
    return body, replace(train, windows=made[0]), made[1]


def _train_epoch(
    network: nn.Module, optimizer: FlatAdam, train: TrainingSet, schedule: Schedule, epoch: int
) -> Scores:
    seed = derive_seed(schedule.seed, schedule.stage, epoch)
    torch.manual_seed(seed)  # for dropout, which takes no generator
    generator = torch.Generator(train.windows.y_N.device).manual_seed(seed)
    network.train()
    rate = schedule.rate(epoch)
    losses, truth, predicted = [], [], []
    for index in train.batches(generator):
        batch = train.windows.select(index)
        X_NCT = batch.X_NCT
        if schedule.augmentation:
            X_NCT = schedule.augmentation.apply(X_NCT, generator)
        output_NK = logits(network, X_NCT)
        loss = nn.functional.cross_entropy(output_NK, batch.y_N, label_smoothing=schedule.label_smoothing)
        loss.backward()
        optimizer.step(rate)
        losses.append(loss.detach() * len(index))
        truth.append(batch.y_N)
        predicted.append(output_NK.argmax(dim=1))
    truth_N = torch.cat(truth)
    mean_loss = float(torch.stack(losses).sum()) / len(truth_N)
    return scores(mean_loss, truth_N, torch.cat(predicted), output_NK.shape[1])


def _refuse_divergence(train: Scores, val: Scores, stage: str, epoch: int) -> None:
    for name, loss in (("training", train.loss), ("validation", val.loss)):
        if not math.isfinite(loss):
            raise DivergedError(
                f"{stage} training diverged: the {name} loss of epoch {epoch} is {loss}; try a lower lr"
            )


def _save(checkpoint: CheckpointPlan, network: nn.Module, optimizer: FlatAdam, progress: Progress) -> None:
    state = {
        "job": checkpoint.job,
        "weights": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    write_tensors(checkpoint.path, state)


def resume(checkpoint: CheckpointPlan | None, network: nn.Module, optimizer: FlatAdam) -> Progress | None:
    """Load the checkpoint into network and optimizer; None where there is none that fits."""
    if checkpoint is None:
        return None
    try:
        state = read_tensors(checkpoint.path)
    except FileNotFoundError:
        return None
    except ValueError as error:
        print(f"starting afresh: {error}", file=sys.stderr)
        return None
    job = state.get("job")
    others = differences(job if isinstance(job, dict) else {}, checkpoint.job)
    if others:
        print(f"starting afresh: {checkpoint.path} belongs to another job: {others}", file=sys.stderr)
        return None
    fresh = copy.deepcopy(network.state_dict()), copy.deepcopy(optimizer.state_dict())
    try:
        network.load_state_dict(state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        return Progress(**state["progress"])
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        network.load_state_dict(fresh[0])
        optimizer.load_state_dict(fresh[1])
        print(f"starting afresh: {checkpoint.path} is damaged: {told(error)}", file=sys.stderr)
        return None
