"""What a model is trained on: the columns, what is to be predicted, and the rows of each split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

Kind = Literal["regression", "binary", "multiclass"]
KINDS: tuple[Kind, ...] = ("regression", "binary", "multiclass")
UNKNOWN = 0
"""The number of a category that is missing, or that no training row has."""


@dataclass(frozen=True)
class Problem:
    """What is to be predicted."""

    kind: Kind
    targets: tuple[str, ...]
    """Names of the target columns: one or more of a regression, one of a classification."""
    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of their numbers; empty for a regression."""
    viability: bool = False
    """Whether a further output tells how likely a row has valid targets at all."""

    @property
    def outputs(self) -> int:
        """Return how many numbers a model gives for a row."""
        if self.kind == "regression":
            return len(self.targets) + int(self.viability)
        return 1 if self.kind == "binary" else len(self.classes)

    def to_json(self) -> dict[str, Any]:
        """Return the problem as JSON types."""
        return {
            "kind": self.kind,
            "targets": list(self.targets),
            "classes": list(self.classes),
            "viability": self.viability,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Problem:
        """Return what `to_json` described."""
        return cls(value["kind"], tuple(value["targets"]), tuple(value["classes"]), value["viability"])


@dataclass(frozen=True)
class Columns:
    """The input columns, in the order in which models get them."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    cardinalities: tuple[int, ...] = ()
    """Of each categorical column the number of categories, `UNKNOWN` among them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all input columns."""
        return self.numeric + self.categorical

    def to_json(self) -> dict[str, Any]:
        """Return the columns as JSON types."""
        return {
            "numeric": list(self.numeric),
            "categorical": list(self.categorical),
            "cardinalities": list(self.cardinalities),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Columns:
        """Return what `to_json` described."""
        return cls(tuple(value["numeric"]), tuple(value["categorical"]), tuple(value["cardinalities"]))


@dataclass(frozen=True)
class Rows:
    """Rows of a table, in raw units."""

    numeric: Tensor
    """[N, F] float32, NaN where a value is missing."""
    categories: Tensor
    """[N, C] int64 numbers of categories, `UNKNOWN` for what is missing or not seen in training."""
    targets: Tensor
    """[N, T] float64 of a regression, NaN where a row has no valid target; [N] int64 class numbers else."""
    groups: np.ndarray | None = None
    """[N] what each row belongs to (a person, a file), where the schema names such a column."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numeric)

    def take(self, index: Tensor) -> Rows:
        """Return the rows of these numbers, in their order."""
        groups = None if self.groups is None else self.groups[index.cpu().numpy()]
        return Rows(self.numeric[index], self.categories[index], self.targets[index], groups)


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all parts, one part after the other; groups only where every part has them."""
    groups = [part.groups for part in parts if part.groups is not None]
    return Rows(
        numeric=torch.cat([part.numeric for part in parts]),
        categories=torch.cat([part.categories for part in parts]),
        targets=torch.cat([part.targets for part in parts]),
        groups=np.concatenate(groups) if len(groups) == len(parts) else None,
    )


@dataclass(frozen=True)
class Fold:
    """One division of rows into those to train on and those held out."""

    train: Tensor
    """[n] int64 row numbers."""
    val: Tensor
    """[m] int64 row numbers."""


@dataclass(frozen=True)
class Dataset:
    """Rows after the split and before any statistics of them."""

    problem: Problem
    columns: Columns
    train: Rows
    val: Rows
    test: Rows
    folds: tuple[Fold, ...] = ()
    """Of the rows of `train`; `val` is then empty."""

    def parts(self) -> list[tuple[Rows, Rows]]:
        """Return for each fold, or for the one split, the rows to train on and those held out."""
        if not self.folds:
            return [(self.train, self.val)]
        return [(self.train.take(fold.train), self.train.take(fold.val)) for fold in self.folds]
