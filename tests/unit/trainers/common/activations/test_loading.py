"""Limits of memory, and values that cannot be trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.trainers.probes.data import CPU, gaussian_classes, write_hdf5
from trainers.common.activations.loading import is_mapped, load_rows
from trainers.common.activations.rows import StreamedRows
from trainers.common.errors import BadInput
from trainers.probes.reading.hdf5 import open_activations

PLENTY = 1 << 40


def test_a_tight_limit_streams_within_it(tmp_path: Path) -> None:
    arrays = gaussian_classes(0, 3, 64, (5000, 300, 300))
    split = open_activations(write_hdf5(tmp_path / "wide.h5", arrays, chunks=(100, 64))).splits["train"]
    limit = 5000 * 64 * 4 // 3
    rows = load_rows(split, torch.float32, limit, CPU)
    assert isinstance(rows, StreamedRows)
    assert rows.window_blocks >= 8
    assert rows.window_blocks * rows.block_size * 64 * 4 <= limit
    assert rows.block_size % 100 == 0


@pytest.mark.parametrize("chunks", [None, (10, 5)])
@pytest.mark.parametrize("limit", [PLENTY, 1])
def test_values_that_are_not_finite_are_counted(
    tmp_path: Path, chunks: tuple[int, int] | None, limit: int
) -> None:
    arrays = gaussian_classes(0, 3, 5)
    x = arrays["val"][0]
    x[17, 2], x[17, 3], x[40, 0] = np.nan, np.inf, -np.inf
    path = write_hdf5(tmp_path / "data.h5", arrays, chunks=chunks)
    with pytest.raises(BadInput, match=r"split 'val' holds 1 NaN and 2 infinite values, the first in row 17"):
        load_rows(open_activations(path).splits["val"], torch.float32, limit, CPU)


@pytest.mark.parametrize("limit", [PLENTY, 1])
@pytest.mark.parametrize(("stored_as", "dtype"), [("f8", torch.float32), ("f4", torch.bfloat16)])
def test_values_too_large_for_the_working_type_are_told(
    tmp_path: Path, stored_as: str, dtype: torch.dtype, limit: int
) -> None:
    x = np.ones((40, 3), dtype=stored_as)
    x[23, 1] = -1e300 if stored_as == "f8" else -3.4e38
    arrays = {name: (x, np.arange(40) % 2) for name in ("train", "val", "test")}
    split = open_activations(write_hdf5(tmp_path / "data.h5", arrays)).splits["val"]
    wide = {"f8": "float64", "f4": "float32"}[stored_as]
    advice = f"use --dtype {wide}, of train_sae --precision {wide}"
    with pytest.raises(BadInput, match=rf"'val' holds 1 values too large .* row 23; {advice}"):
        load_rows(split, dtype, limit, CPU)


def test_only_rows_that_are_copied_count_as_memory(tmp_path: Path) -> None:
    arrays = gaussian_classes()
    file = open_activations(write_hdf5(tmp_path / "data.h5", arrays))
    assert is_mapped(file.splits["train"], torch.float32)
    assert not is_mapped(file.splits["train"], torch.bfloat16)
    packed = open_activations(write_hdf5(tmp_path / "packed.h5", arrays, compression="gzip"))
    assert not is_mapped(packed.splits["train"], torch.float32)


def test_large_finite_values_are_no_infinities(tmp_path: Path) -> None:
    x = np.full((40, 3), 3e38, dtype="float32")
    arrays = {name: (x, np.arange(40) % 2) for name in ("train", "val", "test")}
    split = open_activations(write_hdf5(tmp_path / "data.h5", arrays)).splits["train"]
    assert load_rows(split, torch.float32, PLENTY, CPU).n_rows == 40
