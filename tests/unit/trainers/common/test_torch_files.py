"""A file of torch gives dense tensors and plain data, or one kind of error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.common.torch_files import load_checkpoint

HUGE = torch.zeros(1).expand(10**4, 10**4, 10**2)


def saved(folder: Path, value: Any, *, archive: bool = True) -> Path:
    torch.save(value, folder / "x.pt", _use_new_zipfile_serialization=archive)
    return folder / "x.pt"


@pytest.mark.parametrize("archive", [True, False], ids=["archive", "as before archives"])
def test_tensors_and_plain_data_come_back(tmp_path: Path, archive: bool) -> None:
    weights = torch.arange(6.0).view(2, 3)
    value = {"whole": weights, "part": weights[:, 1], "twice": [weights], "n": 1}
    found = load_checkpoint(saved(tmp_path, value, archive=archive))
    assert torch.equal(found["whole"], weights) and torch.equal(found["part"], weights[:, 1])
    assert found["n"] == 1 and found["twice"][0] is found["whole"]


def test_a_small_tensor_may_repeat_what_is_stored(tmp_path: Path) -> None:
    found = load_checkpoint(saved(tmp_path, [torch.ones(1).expand(1000)]))
    assert found[0].sum() == 1000


@pytest.mark.parametrize("deep", [False, True])
def test_a_shape_that_the_file_cannot_fill_is_refused(tmp_path: Path, deep: bool) -> None:
    value = {"state": [({"x": HUGE},)]} if deep else HUGE
    with pytest.raises(ValueError, match=r"x\.pt: cannot be read .*of which most is not there"):
        load_checkpoint(saved(tmp_path, value))


def test_memory_that_the_file_only_claims_is_refused(tmp_path: Path) -> None:
    """In the format before archives the data says how large each tensor's memory is, the bytes come after."""
    path = saved(tmp_path, [torch.zeros(1000, dtype=torch.uint8)], archive=False)
    content = path.read_bytes()
    assert load_checkpoint(path)[0].numel() == 1000
    claimed = content.replace(b"M\xe8\x03", b"J\x00\x00\x00\x10")  # 256 MiB in the place of 1000 bytes
    assert claimed != content
    path.write_bytes(claimed)
    with pytest.raises(ValueError, match="cannot be read"):
        load_checkpoint(path)


def test_values_that_hold_one_another_many_times_are_looked_at_once(tmp_path: Path) -> None:
    value: list[Any] = [torch.ones(1)]
    for _ in range(100):
        value = [value, value]
    assert isinstance(load_checkpoint(saved(tmp_path, value)), list)


def test_a_file_that_is_missing_is_told_from_one_that_is_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.pt")
    for path in (tmp_path, tmp_path / "empty.pt"):
        (tmp_path / "empty.pt").touch()
        with pytest.raises(ValueError, match="cannot be read"):
            load_checkpoint(path)
