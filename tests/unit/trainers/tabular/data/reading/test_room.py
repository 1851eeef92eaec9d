"""A file is refused that says it holds more than memory does, and one that names two columns alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.common.errors import BadInput
from trainers.common.memory import OutOfMemoryError
from trainers.tabular.data.reading import room


def test_what_does_not_fit_is_told_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_bytes", lambda: 8 << 20)
    room.check_room(Path("a.parquet"), 1 << 20)
    with pytest.raises(
        OutOfMemoryError, match=r"a\.parquet: 1048577 values would take 8 MiB, 8 MiB are free"
    ):
        room.check_room(Path("a.parquet"), (1 << 20) + 1)


def test_columns_of_one_name_are_told() -> None:
    room.check_names(Path("a.csv"), ["x", "y"])
    with pytest.raises(BadInput, match=r"a\.csv: has the columns y, z twice"):
        room.check_names(Path("a.csv"), ["z", "y", "x", "y", "z"])
