"""Files of a saved model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.common.saved_files import read_tensors_file, write_tensors_file


def test_tensors_are_read_as_they_were_written(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 4, dtype=torch.float64).T,
        "b": torch.arange(4),
        "c": torch.randn(2, requires_grad=True),
    }
    write_tensors_file(tmp_path / "new" / "some.safetensors", tensors)
    found = read_tensors_file(tmp_path / "new" / "some.safetensors")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert torch.equal(found[name], value) and found[name].dtype == value.dtype
        assert not found[name].requires_grad


def test_what_is_cut_short_or_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    write_tensors_file(path, {"a": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:-7])
    for wrong in (path, tmp_path / "none.safetensors"):
        with pytest.raises(BadInput, match=f"{wrong.name}: missing, truncated or not a safetensors file"):
            read_tensors_file(wrong)
