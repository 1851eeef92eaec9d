"""What is trained, on what, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from trainers.common.errors import TrainerError
from trainers.tabular.models.registry import ModelSpec, Recipe, Schedule

Precision = Literal["float32", "bfloat16", "float64"]
Stacking = Literal["auto", "stacked", "apart"]
Record = dict[str, float]
"""An epoch: its number from 1, both losses, and the learning rate at its end."""


@dataclass(frozen=True)
class Examples:
    """Prepared rows."""

    numeric: Tensor
    """[N, F] as the networks get them."""
    categories: Tensor
    """[N, C] int64."""
    targets: Tensor
    """[N, T] scaled values of a regression, NaN where a row has none; [N] int64 class numbers else."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numeric)

    def take(self, index: Tensor) -> Examples:
        """Return the rows of an index of any shape, which comes in the place of the first dimension."""
        return Examples(self.numeric[index], self.categories[index], self.targets[index])

    def to(self, device: torch.device, dtype: torch.dtype) -> Examples:
        """Return the rows on a device, what is no number of a class or category as `dtype`."""
        targets = self.targets.to(device, dtype if self.targets.is_floating_point() else None)
        return Examples(self.numeric.to(device, dtype), self.categories.to(device), targets)

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> tuple[Examples, list[int]]:
        """Return all rows one part under the other, and the number of each part's first row.

        So folds are trained as one, each on rows that its own statistics have prepared.
        """
        first = [0, *accumulate(len(part) for part in parts)][:-1]
        numeric, categories = [part.numeric for part in parts], [part.categories for part in parts]
        targets = [part.targets for part in parts]
        return cls(torch.cat(numeric), torch.cat(categories), torch.cat(targets)), first


@dataclass(frozen=True)
class Member:
    """One network to train: what may differ between members that are stacked."""

    seed: int
    """Starts everything random of the member: weights, order of rows, dropout."""
    learning_rate: float
    weight_decay: float
    clip_norm: float
    """Most norm of a step's gradient; 0 for any."""
    train: Tensor
    """Numbers of the rows that it learns from."""
    val: Tensor
    """Numbers of the rows by which its best epoch is chosen."""
    start: Mapping[str, Tensor] | None = None
    """Weights of a parent to begin with; None draws new ones."""


@dataclass(frozen=True)
class Options:
    """How members are trained: what is the same for all."""

    epochs: int
    batch_size: int = 256
    patience: int = 0
    """Epochs without a better validation loss after which a member stops; 0 never stops one early."""
    schedule: Schedule = "constant"
    least_rate: float = 0.0
    """Where the cosine ends."""
    betas: tuple[float, float] = (0.9, 0.999)
    label_smoothing: float = 0.0
    precision: Precision = "float32"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    compile: bool = False
    """Whether members that are trained apart are compiled; takes up to a minute for the first."""
    graphs: bool = True
    """Whether steps are recorded where there is a CUDA device."""
    stacking: Stacking = "auto"
    checkpoint: Path | None = None
    """The file that an interrupted training goes on from."""
    checkpoint_seconds: float = 60.0
    """How often it is written at most."""
    knows_start: bool = False
    """Whether the weights to begin with are told elsewhere: a checkpoint goes on whatever they are."""
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    """What else the training depends on, the data above all; a checkpoint of another is refused."""

    @property
    def dtype(self) -> torch.dtype:
        """The type of weights and inputs; products alone are rounded to bfloat16."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @classmethod
    def of(cls, recipe: Recipe, **others: Any) -> Options:
        """Return what a recipe says, and the others beside or instead of it."""
        names = ("epochs", "batch_size", "patience", "schedule", "least_rate", "betas", "label_smoothing")
        return cls(**{**{name: getattr(recipe, name) for name in names}, **others})


@dataclass(frozen=True)
class Trained:
    """What came of a member."""

    state: dict[str, Tensor]
    """Weights of the epoch with the least validation loss."""
    history: list[Record]
    stop_epoch: int
    """The last epoch that was trained, from 1."""
    best_epoch: int
    seconds: float
    """Time of its training; where it was stacked, its equal share of the time."""

    @property
    def is_lost(self) -> bool:
        """Whether no epoch had a loss that is a number."""
        return not self.best_epoch


class DivergedError(TrainerError):
    """A loss stopped being a number before the first epoch was over."""

    def __init__(self, message: str, trained: Sequence[Trained] = ()) -> None:
        """`trained`: what came of all members, the others too."""
        super().__init__(message)
        self.trained = list(trained)


@dataclass(frozen=True)
class Reports:
    """Who hears how it goes."""

    epoch: Callable[[int, Record], None] = lambda member, record: None
    """Called with the number of the member after each of its epochs."""
    said: Callable[[str], None] = lambda line: None
    """Called with lines for the log."""


@dataclass(frozen=True)
class Training:
    """What one job wants trained: members of one network."""

    spec: ModelSpec
    examples: Examples
    members: Sequence[Member]
    options: Options
    reports: Reports = field(default_factory=Reports)
    may_go_on: Callable[[], None] = lambda: None
    """Asked after each epoch; raises a TrainerError where the job is to end."""
