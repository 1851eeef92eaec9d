"""Kept columns: equal to those read, found again for the same content alone, and never in the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainers.common.prepared_cache import ENTRY, PreparedCache
from trainers.tabular.data import kept
from trainers.tabular.data.kept import KeptTables, reader
from trainers.tabular.data.reading.files import Files, find_files


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(kept, "LEAST_BYTES", 0)
    (tmp_path / "a.csv").write_text("x,w\n1,red\n,blue\n3,\n")
    return find_files([str(tmp_path / "a.csv")])


def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    assert [*one] == [*other]
    return one["w"].tolist() == other["w"].tolist() and np.array_equal(one["x"], other["x"], equal_nan=True)


def test_columns_are_found_again(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    tables = KeptTables(PreparedCache(tmp_path / "cache", 1 << 30), lines.append)
    first = tables.read(files, ["w", "x"])
    assert lines == []
    monkeypatch.setattr(Files, "read", None)
    again = tables.read(files, ["w", "x"])
    assert equal(dict(first), dict(again)) and lines[0].startswith("columns as they were read before")


def test_other_content_and_other_columns_are_read_anew(files: Files, tmp_path: Path) -> None:
    lines: list[str] = []
    tables = KeptTables(PreparedCache(tmp_path / "cache", 1 << 30), lines.append)
    tables.read(files, ["x"])
    assert tables.read(files, ["w"])["w"].tolist() == ["red", "blue", None]
    files.paths[0].write_text("x,w\n7,red\n")
    assert tables.read(files, ["x"])["x"].tolist() == [7] and lines == []


def test_what_is_damaged_is_read_anew(files: Files, tmp_path: Path) -> None:
    cache = PreparedCache(tmp_path / "cache", 1 << 30)
    tables = KeptTables(cache, lambda line: None)
    first = tables.read(files, ["w", "x"])
    entry = next((tmp_path / "cache").glob(f"*/{ENTRY}")).parent
    size = (entry / "1.npy").stat().st_size
    (entry / "1.npy").write_bytes(b"x" * size)
    assert equal(dict(first), dict(tables.read(files, ["w", "x"])))


def test_what_has_no_room_is_not_kept_and_told(files: Files, tmp_path: Path) -> None:
    lines: list[str] = []
    tables = KeptTables(PreparedCache(tmp_path / "cache", 0), lines.append)
    assert tables.read(files, ["x"])["x"].shape == (3,)
    assert lines == ["columns are not kept: no room for 0 MiB"]


def test_small_files_are_not_kept(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "LEAST_BYTES", 1 << 20)
    tables = KeptTables(PreparedCache(tmp_path / "cache", 1 << 30), print)
    tables.read(files, ["x"])
    assert not list((tmp_path / "cache").iterdir())


def test_no_cache_is_told_and_no_hindrance(files: Files) -> None:
    lines: list[str] = []
    assert reader(None, "no disk", lines.append)(files, ["x"])["x"].shape == (3,)
    assert lines == ["columns are not kept: no disk"]
    reader(None, "", lines.append)
    assert len(lines) == 1
