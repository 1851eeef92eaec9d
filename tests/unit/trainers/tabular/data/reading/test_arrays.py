"""Named arrays: matrices are columns, what is no table is told, objects are never unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.files import find_files


def npz(path: Path, table: Mapping[str, np.ndarray]) -> None:
    np.savez(path, **table)


def hdf5(path: Path, table: Mapping[str, np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        for name, values in table.items():
            file[name] = values


@pytest.mark.parametrize("name", ["a.npz", "a.h5"])
def test_texts_and_matrices_of_arrays_are_columns(tmp_path: Path, name: str) -> None:
    words = np.array(["red", "green", "blue"], dtype="S5" if name == "a.h5" else "U5")
    (npz if name == "a.npz" else hdf5)(tmp_path / name, {"m": np.arange(6.0).reshape(3, 2), "w": words})
    files = find_files([str(tmp_path / name)])
    assert files.names() == ["m_0", "m_1", "w"]
    found = files.read(["m_1", "w"])
    assert found["m_1"].tolist() == [1, 3, 5] and found["w"].tolist() == ["red", "green", "blue"]


def test_arrays_that_are_no_table_are_told(tmp_path: Path) -> None:
    npz(tmp_path / "a.npz", {"x": np.arange(3), "y": np.arange(4)})
    files = find_files([str(tmp_path / "a.npz")])
    with pytest.raises(BadInput, match=r"different numbers of rows \(x 3, y 4\)"):
        files.read(files.names())
    hdf5(tmp_path / "b.h5", {"cube": np.zeros((2, 2, 2))})
    with pytest.raises(BadInput, match="holds no arrays"):
        find_files([str(tmp_path / "b.h5")]).names()


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}], dtype=object))
    told = r"cannot be read as NPZ of plain arrays: x\.npy holds objects, which may hide a program"
    with pytest.raises(BadInput, match=told):
        find_files([str(tmp_path / "a.npz")]).read(["x"])
