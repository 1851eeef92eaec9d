"""An array in a file, before it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DENSEST = 1100
"""Bytes that a stored byte may stand for: deflate reaches 1032."""


@dataclass(frozen=True)
class StoredArray:
    """An array of one or two dimensions."""

    shape: tuple[int, ...] | None
    """None for one that is refused when it is read."""
    read: Callable[[int | None], np.ndarray]
    """Returns all of it, or one column of a matrix.  Raises BadInput where that is not to be believed."""


def refused(error: Exception) -> StoredArray:
    """Return what stands for an array that must not be read, and says so when it is."""

    def read(column: int | None) -> np.ndarray:
        raise error

    return StoredArray(None, read)
