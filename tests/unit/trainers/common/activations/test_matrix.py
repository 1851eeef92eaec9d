"""Rows that lie in a file as in memory: read by range, mapped, and readable after the file is gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainers.common.activations.matrix import OpenFile, RawMatrix, mapped
from trainers.common.errors import BadInput

X = torch.arange(24).reshape(8, 3)
TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def write(folder: Path, dtype: torch.dtype, offset: int = 8) -> RawMatrix:
    path = folder / "rows"
    path.write_bytes(b"h" * offset + X.to(dtype).view(torch.uint8).numpy().tobytes())
    return RawMatrix(path, 8, 3, dtype, offset)


@pytest.mark.parametrize("dtype", TYPES)
def test_rows_are_read_by_range_or_mapped(tmp_path: Path, dtype: torch.dtype) -> None:
    matrix = write(tmp_path, dtype)
    with matrix.opened() as read:
        assert torch.equal(read(2, 5), X[2:5].to(dtype)) and len(read(3, 3)) == 0
    assert matrix.map_offset == 8
    assert torch.equal(mapped(matrix, 8), X.to(dtype))


def test_what_does_not_lie_at_multiples_of_its_size_is_not_mapped(tmp_path: Path) -> None:
    matrix = write(tmp_path, torch.float32, offset=6)
    assert matrix.map_offset is None
    with matrix.opened() as read:
        assert torch.equal(read(0, 8), X.float())


def test_a_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    matrix = write(tmp_path, torch.float32)
    matrix.path.write_bytes(matrix.path.read_bytes()[:-1])
    with matrix.opened() as read, pytest.raises(BadInput, match="rows: truncated: its row 7 is not whole"):
        read(6, 8)


def test_an_open_file_may_be_deleted(tmp_path: Path) -> None:
    matrix = write(tmp_path, torch.float32)
    held = replace(matrix, held=OpenFile(matrix.path))
    matrix.path.unlink()
    with held.opened() as read:
        assert torch.equal(read(1, 3), X[1:3].float())
    assert torch.equal(mapped(held, 8), X.float())
