"""`.npy` and safetensors files are described: shape, type, and where the rows begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from trainers.common.activations.arrays import npy_matrix, safetensors_matrix
from trainers.common.errors import BadInput

X = torch.arange(12, dtype=torch.float32).reshape(4, 3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_tensor_of_a_file_is_found_where_it_begins(tmp_path: Path, dtype: torch.dtype) -> None:
    save_file({"odd": torch.ones(1, dtype=torch.uint8), "layer_1": X.to(dtype)}, tmp_path / "x.safetensors")
    matrix = safetensors_matrix(tmp_path / "x.safetensors", 1)
    assert (matrix.n_rows, matrix.n_features, matrix.stored, matrix.name) == (4, 3, dtype, "layer_1")
    with matrix.opened() as read:
        assert torch.equal(read(1, 4), X[1:].to(dtype))


def test_an_array_is_described(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X.double().numpy())
    matrix = npy_matrix(tmp_path / "x.npy")
    assert (matrix.n_rows, matrix.n_features, matrix.stored) == (4, 3, torch.float64)
    with matrix.opened() as read:
        assert torch.equal(read(0, 4), X.double())


def test_arrays_that_lie_column_by_column_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(X.numpy()))
    with pytest.raises(BadInput, match="lies column by column; write it"):
        npy_matrix(tmp_path / "x.npy")
    np.save(tmp_path / "swapped.npy", X.numpy().astype(">f4"))
    with pytest.raises(BadInput, match="in this machine's byte order"):
        npy_matrix(tmp_path / "swapped.npy")
