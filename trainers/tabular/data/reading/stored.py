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

    shape: tuple[int, ...]
    read: Callable[[int | None], np.ndarray]
    """Returns all of it, or one column of a matrix."""
