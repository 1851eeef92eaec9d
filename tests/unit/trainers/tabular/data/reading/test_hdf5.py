"""Tables in HDF5: nothing is read of another file, and nothing that was never written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.files import find_files

Y = np.arange(6.0)


def refused(path: Path) -> str:
    files = find_files([str(path)])
    with pytest.raises(BadInput) as caught:
        files.read(files.names())
    return str(caught.value)


def other_file(path: Path, file: h5py.File) -> None:
    with h5py.File(path.with_name("other.h5"), "w") as other:
        other["x"] = Y
    file["x"] = h5py.ExternalLink("other.h5", "/x")


def other_file_in_a_group(path: Path, file: h5py.File) -> None:
    file["deep/er"] = h5py.ExternalLink("gone.h5", "/")


def private_bytes(path: Path, file: h5py.File) -> None:
    path.with_name("private").write_bytes(bytes(48))
    file.create_dataset("x", (6,), "f8", external=[(str(path.with_name("private")), 0, 48)])


def source_that_is_gone(path: Path, file: h5py.File) -> None:
    layout = h5py.VirtualLayout((6, 2), "f8")
    layout[:] = h5py.VirtualSource("gone.h5", "x", shape=(6, 2))
    file.create_virtual_dataset("x", layout)


def link_to_nothing(path: Path, file: h5py.File) -> None:
    file["x"] = h5py.SoftLink("/gone")


def never_written(path: Path, file: h5py.File) -> None:
    file.create_dataset("x", (6, 2), "f8", chunks=(2, 2))


def huge(path: Path, file: h5py.File) -> None:
    file.create_dataset("x", (6, 10**9), "f8", chunks=(6, 1000))


def references(path: Path, file: h5py.File) -> None:
    file.create_dataset("x", (6,), h5py.ref_dtype)


def lists(path: Path, file: h5py.File) -> None:
    file.create_dataset("x", (6,), h5py.vlen_dtype(np.float64))


def complex_numbers(path: Path, file: h5py.File) -> None:
    file["x"] = Y * 1j


def records(path: Path, file: h5py.File) -> None:
    file["x"] = np.zeros(6, [("a", "f8"), ("b", "i4")])


def another_length(path: Path, file: h5py.File) -> None:
    file["x"] = np.zeros(7)


def bytes_of_no_type(path: Path, file: h5py.File) -> None:
    file["x"] = np.zeros(6, "V8")


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        (other_file, "/x is an external link to /x in other.h5: what is read must lie in the file"),
        (other_file_in_a_group, "/deep/er is an external link to / in gone.h5"),
        (private_bytes, "keeps its values in another file"),
        (source_that_is_gone, "source x in gone.h5 is gone; it would be read as zeros"),
        (link_to_nothing, "/x: its link's target is gone: /gone"),
        (never_written, "3 of its 3 chunks were never written"),
        (huge, "/x claims 48000000000 bytes"),
        (references, "holds references or lists"),
        (lists, "holds references or lists"),
        (complex_numbers, "column 'x' holds complex128, neither numbers nor texts"),
        (records, "column 'x' holds"),
        (bytes_of_no_type, "column 'x' holds"),
        (another_length, "the arrays have different numbers of rows (x 7, y 6)"),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_is_not_in_the_file_is_refused(tmp_path: Path, attack: Any, told: str) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["y"] = Y
        attack(path, file)
    assert told in refused(path)


@pytest.mark.parametrize(
    "attack",
    [
        other_file,
        other_file_in_a_group,
        private_bytes,
        source_that_is_gone,
        link_to_nothing,
        never_written,
        huge,
        references,
        lists,
        complex_numbers,
        records,
        another_length,
    ],
)
def test_what_nobody_asks_for_does_not_matter(tmp_path: Path, attack: Any) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["y"] = Y
        attack(path, file)
    files = find_files([str(path)])
    assert "y" in files.names() and len(files.names()) < 10
    assert files.read(["y"])["y"].tolist() == Y.tolist()


def test_a_column_of_a_matrix_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        never_written(tmp_path / "a.h5", file)
    with pytest.raises(BadInput, match="were never written"):
        find_files([str(tmp_path / "a.h5")]).read(["x_1"])


def test_groups_that_hold_each_other_are_read_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["g/y"] = Y
        file["g/again"] = file["/"]
    assert find_files([str(tmp_path / "a.h5")]).names() == ["g/y"]


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_a_torn_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["y"], file["x"] = Y, np.zeros((6, 3))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "a.h5: cannot be read as" in refused(path)
