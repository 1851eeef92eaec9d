"""Names and targets of probes, and labels that make no sense."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.probes.reading.labels import read_names, read_targets


def file(names: list[str] | None = None, **splits: list[Any]) -> Any:
    made = {
        name: SimpleNamespace(path="x.h5", split=name, labels=np.array(labels))
        for name, labels in splits.items()
    }
    return SimpleNamespace(names=names, splits=made)


def test_each_class_is_a_probe_against_all_others() -> None:
    targets = read_targets(file(train=[0, 1, 1], test=[1, 0, 2]), ["a", "b", "c"])
    assert targets.splits["train"].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert targets.unscoreable == {"c": "no positive example in split 'train'"}
    assert targets.trainable == [0, 1]


def test_columns_of_0_and_1_are_taken_as_they_are() -> None:
    targets = read_targets(file(train=[[1, 1], [0, 1]]), ["a", "b"])
    assert targets.splits["train"].tolist() == [[1, 1], [0, 1]]
    assert targets.unscoreable == {"b": "no negative example in split 'train'"}


@pytest.mark.parametrize(
    ("given", "of_file", "names"),
    [
        (["x", "y"], ["a", "b"], ["x", "y"]),
        (None, ["a", "b"], ["a", "b"]),
        (None, None, ["class_0", "class_1"]),
    ],
)
def test_names_that_are_given_win(
    given: list[str] | None, of_file: list[str] | None, names: list[str]
) -> None:
    assert read_targets(file(of_file, train=[0, 0], test=[1, 0]), given).names == names


@pytest.mark.parametrize(
    ("labels", "names", "says"),
    [
        ([0, 3, -1], ["a", "b"], "2 labels outside 0 to 1 .* the first is 3 in row 1"),
        ([[0, 2]], ["a", "b"], "1 values other than 0 and 1, the first is 2 in row 0, column 1"),
        ([[0, 1]], ["a"], "2 columns for 1 class names"),
        ([[2], [0]], ["a"], r"class numbers up to 2: \[2\] is wanted"),
        ([0], ["a/b"], "cannot be part of a file name"),
        ([0], [".a"], "cannot be part of a file name"),
        ([0], ["a", "A"], "appears twice"),
        ([0], ["ä" * 101], "longer than 200 bytes"),
        ([0], ["\ud800"], "is not UTF-8"),
        ([10_000], None, "more than 10000 classes need names"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(
    labels: list[Any], names: list[str] | None, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        read_targets(file(train=labels), names)


def test_names_are_read_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeff walk \n\nsit\n", encoding="utf-8")
    assert read_names(path) == ["walk", "sit"]
    path.write_text("\n")
    with pytest.raises(BadInput, match="holds no class name"):
        read_names(path)
    with pytest.raises(BadInput, match="cannot read class names"):
        read_names(tmp_path / "none.txt")
