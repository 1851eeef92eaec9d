"""What a file claims to hold, before any of it is read: whether it is one table, and fits into memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from trainers.common.errors import BadInput
from trainers.common.memory import OutOfMemoryError, available_bytes

_CELL = 8


def check_room(path: Path, cells: int) -> None:
    """Raise OutOfMemoryError where so many numbers take more memory than there is."""
    free = available_bytes()
    if cells * _CELL > free:
        raise OutOfMemoryError(
            f"{path}: {cells} values would take {cells * _CELL >> 20} MiB, {free >> 20} MiB are free: "
            "name fewer columns by --features, or files by --data"
        )


def check_names(path: Path, names: Sequence[str]) -> None:
    """Raise BadInput where a name occurs twice."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise BadInput(f"{path}: has the columns {', '.join(twice[:6])} twice")
