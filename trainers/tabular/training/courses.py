"""How far each member has come: its losses so far, its best epoch, and when it stops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from trainers.tabular.training.members import Options, Record, Trained


@dataclass
class Course:
    """The way of one member."""

    history: list[Record] = field(default_factory=list)
    best_epoch: int = 0
    """From 1; 0 before the first epoch with a finite loss."""
    best_loss: float = math.inf
    seconds: float = 0.0
    best: dict[str, Tensor] = field(default_factory=dict)
    """A copy of the weights of the best epoch."""

    @property
    def epoch(self) -> int:
        """Epochs that are done."""
        return len(self.history)

    @property
    def diverged(self) -> bool:
        """Whether the last loss is no number."""
        return bool(self.history) and not math.isfinite(self.history[-1]["val_loss"])

    def saw(self, record: Record, seconds: float) -> bool:
        """Take in an epoch and return whether it is the best so far."""
        self.history.append(record)
        self.seconds += seconds
        better = record["val_loss"] < self.best_loss
        if better:
            self.best_epoch, self.best_loss = self.epoch, record["val_loss"]
        return better

    def is_over(self, options: Options) -> bool:
        """Return whether the member has used its epochs or its patience, or has diverged."""
        waited = self.epoch - self.best_epoch
        spent = self.epoch >= options.epochs or bool(options.patience and waited >= options.patience)
        return spent or self.diverged

    def trained(self) -> Trained:
        """Return what came of the member."""
        return Trained(self.best, self.history, self.epoch, self.best_epoch, self.seconds)

    def state(self) -> dict[str, Any]:
        """Return the course as `read` takes it."""
        return dict(vars(self))

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Course:
        """Return the course of a state.  Raises ValueError for another one."""
        found = cls(**state)
        records = isinstance(found.history, list) and all(isinstance(one, dict) for one in found.history)
        numbers = all(type(one) in (int, float) for one in (found.best_epoch, found.best_loss, found.seconds))
        if not records or not numbers or not isinstance(found.best, dict):
            raise ValueError(f"no course of a training: {dict(state)!s:.100}")
        return found
