"""Activations that cost to read come from the cache the second time, the same to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from trainers.common import prepared_cache
from trainers.common.activations.prepared import ROWS, Prepared
from trainers.common.activations.reading import Wanted, matrix_of, read_rows
from trainers.common.activations.rows import ResidentRows, StreamedRows
from trainers.common.errors import BadInput
from trainers.common.prepared_cache import PreparedCache

X = np.random.default_rng(0).normal(size=(20, 3)).astype("f2")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def prepared(tmp_path: Path, said: list[str]) -> Prepared:
    return Prepared(PreparedCache(tmp_path / "cache", 1 << 30), said.append)


def packed(folder: Path, x: np.ndarray = X) -> Path:
    path = folder / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("train/activations", data=x, chunks=(5, 3), compression="gzip")
    return path


def test_the_second_reading_takes_what_the_first_one_kept(
    tmp_path: Path, prepared: Prepared, said: list[str]
) -> None:
    path = packed(tmp_path)
    plain = read_rows(path, Wanted())
    first, second = (read_rows(path, Wanted(), prepared) for _ in range(2))
    for rows in (first, second):
        assert isinstance(rows, ResidentRows) and isinstance(plain, ResidentRows)
        assert torch.equal(rows.x_ND, plain.x_ND) and rows.x_ND.dtype == torch.float32
    assert "prepared and kept" in said[0] and "prepared before" in said[1]
    figures = prepared.cache.figures()
    assert (figures.entries, figures.hits, figures.misses) == (1, 1, 1)
    (entry,) = (one for one in prepared.cache.folder.iterdir() if one.is_dir() and len(one.name) == 64)
    assert np.array_equal(np.load(entry / ROWS), X.astype("f4"))


@pytest.mark.parametrize("wanted", [Wanted(limit=7), Wanted(dtype=torch.float64), Wanted(split="val")])
def test_other_rows_types_and_contents_are_other_entries(
    tmp_path: Path, prepared: Prepared, wanted: Wanted
) -> None:
    path = packed(tmp_path)
    with h5py.File(path, "a") as file:
        file.create_dataset("val/activations", data=X + 1, chunks=(5, 3))
    read_rows(path, Wanted(), prepared)
    assert torch.equal(first_rows(read_rows(path, wanted, prepared)), first_rows(read_rows(path, wanted)))
    packed(tmp_path, X + 1)
    assert torch.equal(first_rows(read_rows(path, Wanted(), prepared)), torch.from_numpy(X + 1).float())
    assert prepared.cache.figures().hits == 0


def first_rows(rows: ResidentRows | StreamedRows | object) -> torch.Tensor:
    assert isinstance(rows, (ResidentRows, StreamedRows))
    return next(rows.blocks())


def test_a_stream_goes_on_when_its_entry_is_deleted(tmp_path: Path, prepared: Prepared) -> None:
    rows = read_rows(packed(tmp_path), Wanted(memory=100), prepared)
    assert isinstance(rows, StreamedRows)
    prepared.cache.clear()
    assert torch.equal(torch.cat([*rows.blocks()]), torch.from_numpy(X).float())


def test_what_costs_nothing_to_read_is_not_kept(tmp_path: Path, prepared: Prepared, said: list[str]) -> None:
    np.save(tmp_path / "x.npy", X)
    read_rows(tmp_path / "x.npy", Wanted(), prepared)
    assert not said and prepared.cache.figures().entries == 0


def test_without_room_it_is_read_as_before_and_said(
    tmp_path: Path, prepared: Prepared, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path)
    monkeypatch.setattr(prepared_cache, "SPARE", 1 << 60)
    assert torch.equal(first_rows(read_rows(path, Wanted(), prepared)), torch.from_numpy(X).float())
    assert "no room" in said[0]
    monkeypatch.undo()
    monkeypatch.setattr(PreparedCache, "add", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert torch.equal(first_rows(read_rows(path, Wanted(), prepared)), torch.from_numpy(X).float())
    assert "No space left" in said[1]


def test_what_is_not_finite_is_refused_and_not_kept(tmp_path: Path, prepared: Prepared) -> None:
    path = packed(tmp_path, np.where(np.arange(60).reshape(20, 3) == 31, np.nan, X))
    with pytest.raises(BadInput, match="holds 1 NaN and 0 infinite values, the first in row 10"):
        read_rows(path, Wanted(), prepared)
    assert prepared.cache.figures().entries == 0 and not list(prepared.cache.folder.glob(".*"))


def test_an_entry_that_vanishes_is_made_again(tmp_path: Path, prepared: Prepared) -> None:
    path = packed(tmp_path)
    read_rows(path, Wanted(), prepared)
    for entry in prepared.cache.folder.iterdir():
        if entry.is_dir() and entry.name != "digests":
            shutil.rmtree(entry)
    matrix = prepared.of(matrix_of(path, Wanted()), torch.float32)
    assert matrix.map_offset is not None and prepared.cache.figures().entries == 1
