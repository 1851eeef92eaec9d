"""Participants' files as tensors.

Shapes: N windows, C channels, T samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from trainers.common.torch_files import load_checkpoint
from trainers.personalization.errors import DataError
from trainers.personalization.loading.kept_files import KeptFiles

SPLITS = ("train", "val", "test")
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Windows:
    """Labelled windows, whole in memory; never changed in place, as jobs of one process share them."""

    X_NCT: Tensor
    """float32."""
    y_N: Tensor
    """int64, class index."""

    def __len__(self) -> int:
        return len(self.y_N)

    def select(self, index: Tensor) -> Windows:
        """Return the windows at `index`, int64 [n], in its order."""
        return Windows(self.X_NCT.index_select(0, index), self.y_N.index_select(0, index))

    def to(self, device: torch.device) -> Windows:
        """Return the same windows on `device`."""
        return Windows(self.X_NCT.to(device), self.y_N.to(device))


_KEPT: KeptFiles[Windows] = KeptFiles()


def concatenate(parts: Iterable[Windows]) -> Windows:
    """Return all windows of `parts`, in order; all must agree in channels and samples."""
    chosen = list(parts)
    return Windows(torch.cat([part.X_NCT for part in chosen]), torch.cat([part.y_N for part in chosen]))


@dataclass(frozen=True)
class Source:
    """Where the windows come from and what they must look like."""

    data_path: Path
    window_size: int
    """Samples kept of each window."""
    n_classes: int | None = None
    """Labels at or above it are refused; None allows any."""

    def path(self, participant: str, split: str) -> Path:
        """Return the file of one split of one participant."""
        return self.data_path / f"{participant}_{split}.pt"

    def load(self, participant: str, split: str) -> Windows:
        """Return one split of one participant; DataError names the file and what is wrong with it."""
        path = self.path(participant, split)
        return _KEPT.get(path, (self.window_size, self.n_classes), partial(self._read, path))

    def _read(self, path: Path) -> Windows:
        X, y = _read_pair(path)
        _check_windows(path, X, self.window_size)
        _check_labels(path, y, len(X), self.n_classes)
        return Windows(X[:, :, : self.window_size].contiguous(), y.reshape(-1).long())

    def load_all(self, participants: Sequence[str], splits: Sequence[str]) -> Windows:
        """Return the given splits of all participants as one; DataError where their channels differ."""
        parts: list[Windows] = []
        for participant in participants:
            for split in splits:
                part = self.load(participant, split)
                expected = parts[0].X_NCT.shape[1] if parts else part.X_NCT.shape[1]
                check_channels(self.path(participant, split), part, expected)
                parts.append(part)
        return concatenate(parts)


def check_channels(path: Path, windows: Windows, expected: int) -> None:
    """Raise DataError unless the windows of `path` have the `expected` number of channels."""
    found = windows.X_NCT.shape[1]
    if found != expected:
        raise DataError(f"{path}: {found} channels, but the other data has {expected}")


def count_classes(parts: Iterable[Windows]) -> int:
    """Return the number of classes that the labels show, at least 2."""
    return max(2, *(int(part.y_N.max()) + 1 for part in parts))


def _read_pair(path: Path) -> tuple[Tensor, Tensor]:
    try:
        saved = load_checkpoint(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except ValueError as error:
        raise DataError(str(error)) from error
    if not (isinstance(saved, (tuple, list)) and len(saved) == 2):
        raise DataError(f"{path}: holds {type(saved).__name__}, a tuple (X, y) is needed")
    X, y = saved
    if not (isinstance(X, Tensor) and isinstance(y, Tensor)):
        raise DataError(f"{path}: holds ({type(X).__name__}, {type(y).__name__}), two tensors are needed")
    return X.detach(), y.detach()


def _check_windows(path: Path, X: Tensor, window_size: int) -> None:
    if X.ndim != 3 or 0 in X.shape:
        raise DataError(f"{path}: X has shape {list(X.shape)}, needed is [windows, channels, samples]")
    if X.dtype != torch.float32:
        raise DataError(f"{path}: X is {str(X.dtype).removeprefix('torch.')}, float32 is needed")
    if X.shape[2] < window_size:
        raise DataError(
            f"{path}: windows have {X.shape[2]} samples, window_size is {window_size}; "
            f"allowed are 1 to {X.shape[2]}"
        )
    if not bool(torch.isfinite(X).all()):
        raise DataError(f"{path}: X holds NaN or infinity")


def _check_labels(path: Path, y: Tensor, n_windows: int, n_classes: int | None) -> None:
    if list(y.shape) not in ([n_windows], [n_windows, 1]):
        raise DataError(f"{path}: y has shape {list(y.shape)}, needed is [{n_windows}]")
    if y.is_complex() or not bool((y == y.long()).all()):
        raise DataError(f"{path}: y holds values that are not whole numbers; classes count from 0")
    limit = n_classes or MOST_CLASSES
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= limit:
        wrong = low if low < 0 else high
        hint = "" if n_classes is None else f" for {n_classes} classes (see --n_classes)"
        raise DataError(f"{path}: y holds the label {wrong}; allowed are 0 to {limit - 1}{hint}")
