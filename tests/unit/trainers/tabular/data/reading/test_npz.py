"""Tables in NPZ files: what a header claims is there before memory is taken for it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.files import find_files


def written(path: Path, shape: tuple[int, ...], size: int, kind: str = "<f8", how: int = 0) -> Path:
    """Write an array whose header claims a shape, over so many bytes."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("x.npy", stream.getvalue() + bytes(size))
    return path


def refused(path: Path) -> str:
    files = find_files([str(path)])
    with pytest.raises(BadInput) as caught:
        files.read(files.names())
    return str(caught.value)


@pytest.mark.parametrize("shape", [(4 * 10**9, 5), (2**62, 2**62), (13,), (-1,), (11,)])
def test_a_shape_that_is_not_there_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert "claims shape" in refused(written(tmp_path / "a.npz", shape, 96))


def test_more_than_a_file_can_unfold_to_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.npz", (10**5,), 8 * 10**5, how=zipfile.ZIP_BZIP2)
    assert "more than the file can hold" in refused(path)


@pytest.mark.parametrize("kind", ["<c16", "|V8", "<m8[s]"])
def test_what_is_no_number_and_no_text_is_refused(tmp_path: Path, kind: str) -> None:
    assert "neither numbers nor texts" in refused(
        written(tmp_path / "a.npz", (2,), 2 * np.dtype(kind).itemsize, kind)
    )


def test_an_array_alone_is_no_npz(tmp_path: Path) -> None:
    with (tmp_path / "a.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    assert "a.npz: cannot be read as NPZ of plain arrays" in refused(tmp_path / "a.npz")


def test_packed_arrays_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1000, 2)), y=np.arange(1000))
    found = find_files([str(tmp_path / "a.npz")]).read(["x_1", "y"])
    assert found["x_1"].sum() == 0 and found["y"][-1] == 999


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(100.0))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[500] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    assert "a.npz: cannot be read as" in refused(tmp_path / "a.npz")


def test_what_nobody_asks_for_does_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path / "a.npz", (4 * 10**9, 5), 96)
    with zipfile.ZipFile(path, "a") as archive:
        for name, values in (("y", np.arange(3.0)), ("note", np.array([{}])), ("other", np.zeros(4))):
            stream = io.BytesIO()
            np.save(stream, values, allow_pickle=True)
            archive.writestr(f"{name}.npy", stream.getvalue())
    files = find_files([str(path)])
    assert files.names() == ["x", "y", "note", "other"]
    assert files.read(["y"])["y"].tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(BadInput, match="holds objects, which may hide a program"):
        files.read(["y", "note"])
