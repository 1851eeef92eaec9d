"""Files of rows in every format, damaged: what is read is as long as it says, or the file is refused."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import uproot
from hypothesis import given
from safetensors.torch import save

from tests.fuzz.examples import tried
from tests.fuzz.mutations import mutated
from trainers.common.activations.reading import Wanted, read_rows
from trainers.common.errors import TrainerError
from trainers.common.saved_files import read_tensors_file
from trainers.probes.reading.hdf5 import open_activations
from trainers.tabular.data.reading.files import find_files

X = np.random.default_rng(0).normal(size=(12, 3)).astype("f4")


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for split in ("train", "val", "test"):
            file[f"{split}/labels"] = np.arange(12) % 2
            file.create_dataset(f"{split}/activations", data=X, chunks=(4, 3), compression="gzip")
        file["actions"] = ["run", "walk"]


def _table(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = X, np.arange(12)
        file["names"] = ["red", "green", "blue"] * 4


def _parquet(path: Path) -> None:
    pq.write_table(pa.table({"activation": X.tolist(), "layer_idx": [1] * 12}), path)


def _flat_parquet(path: Path) -> None:
    pq.write_table(pa.table({"x": X[:, 0], "y": np.arange(12), "z": ["a", None, "b"] * 4}), path)


def _npz(path: Path) -> None:
    np.savez_compressed(path, x=X, y=np.arange(12), names=np.array(["a", "b", "c"] * 4))


def _csv(path: Path) -> None:
    path.write_text("x,y,z\n" + "".join(f"{row[0]},{row[1]},{'ab'[n % 2]}\n" for n, row in enumerate(X)))


def _root(path: Path) -> None:
    with uproot.recreate(path) as file:
        file["t"] = {"x": X[:, 0], "y": np.arange(12)}


def _safetensors(path: Path) -> None:
    path.write_bytes(save({"layer_1": torch.from_numpy(X), "other": torch.zeros(2)}))


def _npy(path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, X)
    path.write_bytes(buffer.getvalue())


def read_table(path: Path) -> None:
    """Read all columns, which then are of one length."""
    files = find_files([str(path)])
    names = files.names()
    assert len({len(values) for values in files.read(names[:20]).values()}) <= 1


def read_activations(path: Path) -> None:
    """Read the rows of a layer."""
    rows = read_rows(path, Wanted(layer=None if path.suffix == ".h5" else 1))
    assert sum(len(block) for block in rows.blocks()) == rows.n_rows


def read_probes(path: Path) -> None:
    """Read what probes are trained on."""
    found = open_activations(path)
    assert all(len(split.labels) == split.n_rows for split in found.splits.values())


FORMATS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], object]]] = {
    "probes, HDF5": ("a.h5", _hdf5, read_probes),
    "activations, HDF5": ("a.h5", _hdf5, read_activations),
    "activations, Parquet": ("a.parquet", _parquet, read_activations),
    "activations, safetensors": ("a.safetensors", _safetensors, read_activations),
    "activations, npy": ("a.npy", _npy, read_activations),
    "tensors": ("a.safetensors", _safetensors, read_tensors_file),
    "table, HDF5": ("a.h5", _table, read_table),
    "table, Parquet": ("a.parquet", _flat_parquet, read_table),
    "table, NPZ": ("a.npz", _npz, read_table),
    "table, CSV": ("a.csv", _csv, read_table),
    "table, ROOT": ("a.root", _root, read_table),
}
_FEW = {"table, ROOT": 12}
"""Examples of what takes long to open."""


@lru_cache(maxsize=len(FORMATS))
def sound(which: str) -> bytes:
    name, write, _ = FORMATS[which]
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, name))
        return Path(folder, name).read_bytes()


def read(which: str, content: bytes) -> bool:
    name, _, reader = FORMATS[which]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(content)
        try:
            reader(Path(folder, name))
        except TrainerError as error:
            assert name in str(error) or "column" in str(error)
            return False
    return True


@pytest.mark.parametrize("which", FORMATS)
def test_what_was_written_is_read(which: str) -> None:
    assert read(which, sound(which))


@pytest.mark.parametrize("which", FORMATS)
def test_damaged_files_are_read_or_refused(which: str) -> None:
    @tried(_FEW.get(which, 40))
    @given(mutated(sound(which)))
    def check(content: bytes) -> None:
        read(which, content)

    check()
