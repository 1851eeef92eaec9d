"""The same activations from every kind of file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from trainers.common.activations.reading import Wanted, has_split, read_rows
from trainers.common.activations.rows import ResidentRows, RowOrder, StreamedRows, Window
from trainers.common.errors import BadInput

X = torch.arange(48, dtype=torch.float32).reshape(12, 4)


def files(folder: Path) -> dict[str, Path]:
    with h5py.File(folder / "splits.h5", "w") as file:
        file["train/activations"] = X.numpy()
    with h5py.File(folder / "layers.h5", "w") as file:
        file["layer_3/train/activations"] = X.numpy()
        file["layer_4/train/activations"] = X.numpy() + 1
    with h5py.File(folder / "alone.hdf5", "w") as file:
        file["activations"] = X.numpy()
    np.save(folder / "plain.npy", X.numpy())
    save_file({"layer_3": X, "layer_4": X + 1}, folder / "layers.safetensors")
    save_file({"resid": X.bfloat16()}, folder / "one.safetensors")
    return {path.name: path for path in folder.iterdir()}


def x_of(path: Path, **wanted: object) -> torch.Tensor:
    rows = read_rows(path, Wanted(layer=3, **wanted))  # type: ignore[arg-type]
    assert isinstance(rows, ResidentRows)
    return rows.x_ND


@pytest.mark.parametrize("limit", [None, 5])
def test_every_file_gives_the_same_rows(tmp_path: Path, limit: int | None) -> None:
    for path in files(tmp_path).values():
        assert torch.equal(x_of(path, limit=limit), X[:limit]), path
        assert x_of(path, dtype=torch.float64).dtype == torch.float64


def test_a_layer_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    named = files(tmp_path)
    with pytest.raises(BadInput, match="no group 'layer_7'; it holds layer_3, layer_4"):
        read_rows(named["layers.h5"], Wanted(layer=7))
    with pytest.raises(BadInput, match=r"no tensor 'layer_7' .* it holds layer_3, layer_4"):
        read_rows(named["layers.safetensors"], Wanted(layer=7))


def test_splits_are_those_of_hdf5(tmp_path: Path) -> None:
    named = files(tmp_path)
    assert has_split(named["splits.h5"], 3, "train")
    assert not has_split(named["splits.h5"], 3, "val")
    assert has_split(named["layers.h5"], 4, "train")
    assert not has_split(named["plain.npy"], 3, "train")


def test_an_hdf5_file_larger_than_memory_is_streamed(tmp_path: Path) -> None:
    path = files(tmp_path)["splits.h5"]
    wanted = Wanted(dtype=torch.float64, memory=100)
    assert isinstance(read_rows(path, wanted), StreamedRows)
    limited = read_rows(path, Wanted(dtype=torch.float64, memory=100, limit=5))
    assert isinstance(limited, StreamedRows)
    assert torch.equal(torch.cat([*limited.blocks()]), X[:5].double())


def test_every_other_file_larger_than_memory_is_streamed_too(tmp_path: Path) -> None:
    for path in files(tmp_path).values():
        rows = read_rows(path, Wanted(layer=3, memory=100))
        assert isinstance(rows, StreamedRows) and rows.n_blocks > 1, path
        order = RowOrder(torch.tensor([3, 11, 0, 7, 5]), (Window([*range(rows.n_blocks)], 5),))
        out = torch.empty(5, 4)
        replace(rows, window_blocks=rows.n_blocks).cursor(order).take(0, 5, out)
        assert torch.equal(out, X[order.rows]), path


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(3, "f4"), "must be \\[examples, features\\]"),
        (np.zeros((3, 2), int), "must be one array of float16"),
        (np.array([[1.0, np.nan], [np.inf, 0.0]]), "holds 1 NaN and 1 infinite values, the first in row 0"),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path: Path, value: np.ndarray, message: str) -> None:
    np.save(tmp_path / "bad.npy", value)
    with pytest.raises(BadInput, match=message):
        read_rows(tmp_path / "bad.npy", Wanted())


def test_damaged_and_foreign_files_are_told(tmp_path: Path) -> None:
    named = files(tmp_path)
    for name, message in (("plain.npy", r"not a \.npy file"), ("one.safetensors", "not a safetensors file")):
        named[name].write_bytes(named[name].read_bytes()[:-9])
        with pytest.raises(BadInput, match=message):
            read_rows(named[name], Wanted())
    with pytest.raises(BadInput, match="no such file"):
        read_rows(tmp_path / "none.npy", Wanted())
    with pytest.raises(BadInput, match="not a file of activations"):
        read_rows(tmp_path / "none.csv", Wanted())
    save_file({"a": X, "b": X + 1}, tmp_path / "two.safetensors")
    with pytest.raises(BadInput, match="it holds a, b"):
        read_rows(tmp_path / "two.safetensors", Wanted(layer=1))
    save_file({"a": X.int()}, tmp_path / "whole.safetensors")
    with pytest.raises(BadInput, match=r"holds I32, must be of F16"):
        read_rows(tmp_path / "whole.safetensors", Wanted())
