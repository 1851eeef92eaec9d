"""Parquet: the types that are numbers or texts, and those that are neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.files import find_files


def test_parquet_of_lists_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [[1], [2]]}), tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="column 'x' holds list"):
        find_files([str(tmp_path / "a.parquet")]).read(["x"])


def test_parquet_of_other_types(tmp_path: Path) -> None:
    table = {
        "flag": pa.array([True, None]),
        "word": pa.array(["a", "b"]).dictionary_encode(),
        "day": pa.array([0, 86_400_000_000], pa.timestamp("us")),
        "none": pa.nulls(2),
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    found = find_files([str(tmp_path / "a.parquet")]).read([*table])
    assert found["flag"].tolist() == ["True", None] and found["word"].tolist() == ["a", "b"]
    assert found["day"].tolist() == ["1970-01-01T00:00:00", "1970-01-02T00:00:00"]
    assert np.isnan(found["none"]).all()


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_file_is_told_or_read(tmp_path: Path, place: float) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": list(range(100))}), path)
    content = bytearray(path.read_bytes())
    start = int(place * len(content))
    content[start : start + 30] = b"\xff" * 30
    path.write_bytes(content)
    files = find_files([str(path)])
    with pytest.raises(BadInput, match=r"a\.parquet: cannot be read as parquet"):
        files.read(files.names() or ["x"])


def test_two_columns_of_a_name_are_told(tmp_path: Path) -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["y", "y"])
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="the columns y twice"):
        find_files([str(tmp_path / "a.parquet")]).names()
