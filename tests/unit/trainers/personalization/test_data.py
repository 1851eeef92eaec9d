from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from trainers.personalization.data import Source, Windows, concatenate, count_classes
from trainers.personalization.errors import DataError

X = torch.arange(24, dtype=torch.float32).view(4, 2, 3)
y = torch.tensor([[0], [1], [1], [0]])
HUGE = torch.zeros(1).expand(400, 100, 500)


def save(folder: Path, value: Any, name: str = "ann_val") -> Source:
    torch.save(value, folder / f"{name}.pt")
    return Source(folder, window_size=3, n_classes=2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8, torch.bool])
def test_a_split_is_loaded(tmp_path: Path, dtype: torch.dtype) -> None:
    windows = save(tmp_path, (X, y.to(dtype))).load("ann", "val")
    assert torch.equal(windows.X_NCT, X)
    assert windows.y_N.tolist() == [0, 1, 1, 0]
    assert windows.y_N.dtype == torch.int64


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_labels_may_be_a_row_or_a_column(tmp_path: Path, dtype: torch.dtype) -> None:
    windows = save(tmp_path, (X, y[:, 0].to(dtype))).load("ann", "val")
    assert windows.y_N.tolist() == [0, 1, 1, 0]
    assert windows.y_N.dtype == torch.int64


def test_longer_windows_are_cut_to_their_beginning(tmp_path: Path) -> None:
    save(tmp_path, (X, y))
    windows = Source(tmp_path, window_size=2).load("ann", "val")
    assert torch.equal(windows.X_NCT, X[:, :, :2])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (X, "holds Tensor, a tuple (X, y) is needed"),
        ((X, y, y), "a tuple (X, y) is needed"),
        ((X, [0, 1, 1, 0]), "holds (Tensor, list), two tensors are needed"),
        ((X[0], y), "X has shape [2, 3], needed is [windows, channels, samples]"),
        ((X[:0], y[:0]), "X has shape [0, 2, 3], needed is [windows, channels, samples]"),
        ((X.double(), y), "X is float64, float32 is needed"),
        ((X[:, :, :2], y), "windows have 2 samples, window_size is 3; allowed are 1 to 2"),
        ((X / 0, y), "X holds NaN or infinity"),
        ((X, y[:3]), "y has shape [3, 1], needed is [4]"),
        ((X, y[:3, 0]), "y has shape [3], needed is [4]"),
        ((X, y[None]), "y has shape [1, 4, 1], needed is [4]"),
        ((X, y + 0.5), "y holds values that are not whole numbers"),
        ((X, y * torch.nan), "y holds values that are not whole numbers"),
        ((X, y + 1j), "y holds values that are not whole numbers"),
        ((X, y - 1), "y holds the label -1; allowed are 0 to 1"),
        ((X, y + 1), "y holds the label 2; allowed are 0 to 1 for 2 classes (see --n_classes)"),
    ],
)
def test_an_unfit_file_is_named_with_what_is_wrong(tmp_path: Path, value: Any, message: str) -> None:
    source = save(tmp_path, value)
    with pytest.raises(DataError) as caught:
        source.load("ann", "val")
    assert str(caught.value).startswith(f"{tmp_path / 'ann_val.pt'}: ")
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"ann_val\.pt: no such file"):
        Source(tmp_path, window_size=3).load("ann", "val")


@pytest.mark.parametrize("content", [b"", b"no tensors", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ann_val.pt").write_bytes(content)
    with pytest.raises(DataError, match=r"ann_val\.pt: cannot be read"):
        Source(tmp_path, window_size=3).load("ann", "val")


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        save(tmp_path, (X, Path("anything but a tensor"))).load("ann", "val")


@pytest.mark.parametrize(
    "value",
    [
        (X.to_sparse(), y),
        (X.to("meta"), y),
        (X, y.to(torch.uint64)),
        (X[:1, :1, :1].expand(400, 100, 500), y),
    ],
    ids=["sparse", "without memory", "unusual labels", "more than is stored"],
)
def test_tensors_of_other_kinds_are_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(DataError, match=r"ann_val\.pt: cannot be read as tensors"):
        save(tmp_path, value).load("ann", "val")


def test_parameters_are_read_as_plain_tensors(tmp_path: Path) -> None:
    windows = save(tmp_path, (torch.nn.Parameter(X), y)).load("ann", "val")
    assert not windows.X_NCT.requires_grad


def test_labels_without_an_end_are_refused(tmp_path: Path) -> None:
    save(tmp_path, (X, y * 10_000))
    with pytest.raises(DataError, match="label 10000; allowed are 0 to 9999"):
        Source(tmp_path, window_size=3).load("ann", "val")


def test_participants_and_splits_are_joined_in_order(tmp_path: Path) -> None:
    save(tmp_path, (X, y), "ann_train")
    save(tmp_path, (X + 100, y), "ann_val")
    save(tmp_path, (X + 200, y), "bob_train")
    source = save(tmp_path, (X + 300, y), "bob_val")
    windows = source.load_all(["ann", "bob"], ("train", "val"))
    assert windows.X_NCT[::4, 0, 0].tolist() == [0, 100, 200, 300]


def test_other_channels_are_refused_with_the_file(tmp_path: Path) -> None:
    save(tmp_path, (X, y), "ann_train")
    source = save(tmp_path, (X[:, :1], y), "bob_train")
    with pytest.raises(DataError, match=r"bob_train\.pt: 1 channels, but the other data has 2"):
        source.load_all(["ann", "bob"], ("train",))


def test_classes_are_counted_over_all_parts() -> None:
    parts = [Windows(X, torch.tensor([0, 0, 0, 0])), Windows(X, torch.tensor([0, 4, 1, 0]))]
    assert count_classes(parts) == 5
    assert count_classes(parts[:1]) == 2
    assert len(concatenate(parts)) == 8


def test_windows_that_were_read_are_shared_by_later_jobs(tmp_path: Path) -> None:
    source = save(tmp_path, (X, y))
    os.utime(tmp_path / "ann_val.pt", (1, 1))
    assert source.load("ann", "val").X_NCT is source.load("ann", "val").X_NCT
    assert Source(tmp_path, window_size=2).load("ann", "val").X_NCT.shape == (4, 2, 2)
    with pytest.raises(DataError, match="holds the label 1"):
        Source(tmp_path, window_size=3, n_classes=1).load("ann", "val")
