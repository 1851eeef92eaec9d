"""Activations [N, D] that lie in files: described, and read a range of rows at a time."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from torch import Tensor

from trainers.common.errors import BadInput

Read = Callable[[int, int], Tensor]
"""From first row and end to activations [n, D] as they are stored."""


class Matrix(Protocol):
    """Activations [N, D] of one split or layer."""

    @property
    def path(self) -> Path: ...

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that they lie in, `path` first."""
        ...

    @property
    def selection(self) -> str:
        """Which rows of these files they are."""
        ...

    @property
    def n_rows(self) -> int: ...

    @property
    def n_features(self) -> int: ...

    @property
    def stored(self) -> torch.dtype:
        """The type that they are stored in."""
        ...

    @property
    def map_offset(self) -> int | None:
        """Byte of `path` at which they begin, if they lie there as they are in memory; else None."""
        ...

    @property
    def chunk_rows(self) -> int:
        """Rows that are stored together, so that one costs as much as all; 1 if they are not."""
        ...

    @property
    def where(self) -> str:
        """What error messages begin with."""
        ...

    @property
    def what(self) -> str:
        """What error messages call these rows."""
        ...

    def opened(self) -> AbstractContextManager[Read]:
        """Open the file; BadInput where it is missing or damaged."""
        ...


class OpenFile:
    """A file that stays readable, whoever deletes it, as long as this object lives."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where it cannot be opened."""
        self.descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.descriptor)


@dataclass(frozen=True)
class RawMatrix:
    """Rows that lie in a file one after the other, as `.npy` and safetensors have them."""

    path: Path
    n_rows: int
    n_features: int
    stored: torch.dtype
    offset: int
    """Byte at which they begin."""
    name: str = ""
    """Of the array in the file, where it has one."""

    held: OpenFile | None = None
    """The file, where it is to stay readable though another process may delete it."""

    chunk_rows = 1
    what = "the array"

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def selection(self) -> str:
        """The array's name."""
        return self.name

    @property
    def where(self) -> str:
        """The array as error messages name it."""
        return f"{self.path}: {self.name}" if self.name else str(self.path)

    @property
    def map_offset(self) -> int | None:
        """The offset, where values lie at multiples of their size, as mapped ones must."""
        return None if self.offset % self.stored.itemsize else self.offset

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open the file, for reads of rows as they are stored; BadInput where it ends before them."""
        if self.held is not None:
            yield partial(self._read, self.held.descriptor)
            return
        with self.path.open("rb") as stream:
            yield partial(self._read, stream.fileno())

    def _read(self, descriptor: int, start: int, stop: int) -> Tensor:
        found = torch.empty(stop - start, self.n_features, dtype=self.stored)
        left = found.view(torch.uint8).numpy().reshape(-1).data
        place = self.offset + start * self.n_features * self.stored.itemsize
        while left:
            count = os.preadv(descriptor, [left], place)
            if not count:
                raise BadInput(f"{self.where}: truncated: its row {stop - 1} is not whole")
            left, place = left[count:], place + count
        return found


def mapped(matrix: Matrix, offset: int) -> Tensor:
    """Return rows whose pages are read as they are needed [N, D]."""
    plain = torch.int16 if matrix.stored == torch.bfloat16 else matrix.stored  # numpy has no bfloat16
    kind = torch.empty(0, dtype=plain).numpy().dtype
    shape = (matrix.n_rows, matrix.n_features)
    with _stream(matrix) as stream:
        # Copy-on-write, since torch refuses read-only arrays; nothing ever writes to it.
        found = torch.from_numpy(np.memmap(stream, kind, mode="c", offset=offset, shape=shape))
    return found.view(matrix.stored)


def _stream(matrix: Matrix) -> BinaryIO:
    held = matrix.held if isinstance(matrix, RawMatrix) else None
    return matrix.path.open("rb") if held is None else os.fdopen(os.dup(held.descriptor), "rb")
