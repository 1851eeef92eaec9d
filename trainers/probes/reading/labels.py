"""Names of the probes and the 0/1 target of each for every example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.probes.reading.hdf5 import ActivationFile, SplitFile

LONGEST_NAME = 200
"""Bytes of a class name; a file name has 255, and more than the class is in it."""
UNNAMED_CLASSES = 10_000
"""Classes at most without names: a label beyond is a mistake sooner than a class."""


@dataclass(frozen=True)
class Targets:
    """What each of P probes has to tell apart."""

    names: list[str]
    splits: dict[str, Tensor]
    """Per split, uint8 [N, P]."""
    unscoreable: dict[str, str]
    """Probes without a positive or a negative example in some split, and which it is."""

    @property
    def trainable(self) -> list[int]:
        """Indices of the probes that can be trained and scored."""
        return [index for index, name in enumerate(self.names) if name not in self.unscoreable]


def read_names(path: Path) -> list[str]:
    """Return the names in a text file, one a line; blank lines are skipped."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot read class names: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise BadInput(f"{path}: holds no class name; write one a line")
    return names


def read_targets(file: ActivationFile, names: list[str] | None = None) -> Targets:
    """Return the targets of `file`; `names` wins over names in the file, both over `class_0`, `class_1`, …

    Raises BadInput for a name that cannot be part of a file name, a repeated name, and for labels
    outside the names.
    """
    names = names or file.names or _default_names(file.splits)
    _check_names(names)
    splits = {name: _targets(split, len(names)) for name, split in file.splits.items()}
    return Targets(names, splits, _unscoreable(names, splits))


def _default_names(splits: Mapping[str, SplitFile]) -> list[str]:
    """Name every class that occurs anywhere: one that is in no training split is told as such later."""
    largest = max(splits.values(), key=_classes)
    count = _classes(largest)
    if count > UNNAMED_CLASSES:
        raise BadInput(
            f"{largest.path}: {largest.split}/labels: {count - 1} is the largest label and no class has a "
            f"name; more than {UNNAMED_CLASSES} classes need names (--actions)"
        )
    return [f"class_{index}" for index in range(count)]


def _classes(split: SplitFile) -> int:
    return split.labels.shape[1] if split.labels.ndim == 2 else int(split.labels.max()) + 1


def _check_names(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name or name.startswith(".") or any(mark < " " or mark in '/\\\x7f:*?"<>|' for mark in name):
            raise BadInput(f'class name {name!r} cannot be part of a file name; leave out / \\ : * ? " < > |')
        if _bytes(name) > LONGEST_NAME:
            raise BadInput(f"class name {name[:40] + '…'!r} is longer than {LONGEST_NAME} bytes")
        if name.lower() in seen:
            raise BadInput(
                f"class name {name!r} appears twice (case does not count); each probe needs its own"
            )
        seen.add(name.lower())


def _bytes(name: str) -> int:
    try:
        return len(name.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise BadInput(f"class name {name!r} is not UTF-8") from error


def _targets(split: SplitFile, classes: int) -> Tensor:
    return _multi_label(split, classes) if split.labels.ndim == 2 else _single_label(split, classes)


def _single_label(split: SplitFile, classes: int) -> Tensor:
    labels = split.labels.astype(np.int64)
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if outside.size:
        raise BadInput(
            f"{split.path}: {split.split}/labels: {outside.size} labels outside 0 to {classes - 1} "
            f"({classes} class names), the first is {labels[outside[0]]} in row {outside[0]}"
        )
    return torch.from_numpy((labels[:, None] == np.arange(classes)).astype(np.uint8))


def _multi_label(split: SplitFile, classes: int) -> Tensor:
    labels = split.labels
    _check_column(split)
    if labels.shape[1] != classes:
        raise BadInput(
            f"{split.path}: {split.split}/labels has {labels.shape[1]} columns for {classes} class names"
        )
    outside = np.argwhere((labels != 0) & (labels != 1))
    if outside.size:
        row, column = outside[0]
        raise BadInput(
            f"{split.path}: {split.split}/labels: {len(outside)} values other than 0 and 1, "
            f"the first is {labels[row, column]} in row {row}, column {column}"
        )
    return torch.from_numpy(labels.astype(np.uint8))


def _check_column(split: SplitFile) -> None:
    """Refuse one column of class numbers, which as columns of 0 and 1 would be one class."""
    labels = split.labels
    if labels.shape[1] == 1 and labels.max() > 1 and labels.min() >= 0:
        rows = len(labels)
        raise BadInput(
            f"{split.path}: {split.split}/labels has shape [{rows}, 1] and holds class numbers up to "
            f"{labels.max()}: [{rows}] is wanted; store labels[:, 0]"
        )


def _unscoreable(names: list[str], splits: dict[str, Tensor]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for split, targets in splits.items():
        for name, positives in zip(names, targets.sum(0, dtype=torch.int64).tolist(), strict=True):
            if positives in (0, targets.shape[0]):
                kind = "positive" if positives == 0 else "negative"
                reasons.setdefault(name, f"no {kind} example in split {split!r}")
    return reasons
