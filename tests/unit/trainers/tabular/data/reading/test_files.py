"""Tables from files of every format: the same columns, whichever the format; and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.files import as_numbers, as_texts, find_files

TABLE = {"x": np.array([1.5, np.nan, 3.0]), "n": np.array([1.0, 2.0, 3.0])}
WORDS = np.array(["red", None, "blue"], dtype=object)


def csv(path: Path, table: Mapping[str, np.ndarray], delimiter: str = ",") -> None:
    rows = zip(*table.values(), strict=True)
    texts = [["" if one is None or one != one else str(one) for one in row] for row in rows]
    path.write_text("\n".join([delimiter.join(table), *map(delimiter.join, texts)]) + "\n")


def parquet(path: Path, table: Mapping[str, np.ndarray]) -> None:
    pq.write_table(pa.table({name: pa.array(values) for name, values in table.items()}), path)


def npz(path: Path, table: Mapping[str, np.ndarray]) -> None:
    np.savez(path, **table)


def hdf5(path: Path, table: Mapping[str, np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        for name, values in table.items():
            file[name] = values


WRITERS: dict[str, Callable[[Path, Mapping[str, np.ndarray]], None]] = {
    "a.csv": csv,
    "a.data": lambda path, table: csv(path, table, ";"),
    "a.tsv": lambda path, table: csv(path, table, "\t"),
    "a.parquet": parquet,
    "a.npz": npz,
    "a.h5": hdf5,
}


@pytest.mark.parametrize("name", WRITERS)
def test_numbers_are_the_same_in_every_format(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, TABLE)
    files = find_files([str(tmp_path / name)])
    assert files.names() == (["n", "x"] if name == "a.h5" else ["x", "n"])
    found = files.read(["n", "x"])
    for column, values in TABLE.items():
        assert found[column].dtype == np.float64
        np.testing.assert_array_equal(found[column], values)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_texts_may_be_missing(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, {**TABLE, "colour": WORDS})
    assert find_files([str(tmp_path / name)]).read(["colour"])["colour"].tolist() == ["red", None, "blue"]


def test_many_files_are_one_table_in_sorted_order(tmp_path: Path) -> None:
    for number in (2, 1, 3):
        csv(tmp_path / f"run{number}.csv", {"x": np.array([number, number + 0.5])})
    files = find_files([str(tmp_path / "run*.csv")], limit=2)
    found = files.read(["x", "@file"])
    assert found["x"].tolist() == [1, 1.5, 2, 2.5]
    assert found["@file"].tolist() == ["run1", "run1", "run2", "run2"]


def test_a_column_of_numbers_here_and_texts_there_is_of_texts(tmp_path: Path) -> None:
    csv(tmp_path / "1.csv", {"x": np.array([1, 2])})
    csv(tmp_path / "2.csv", {"x": np.array(["a", "b"])})
    assert find_files([str(tmp_path / "*.csv")]).read(["x"])["x"].tolist() == ["1", "2", "a", "b"]


def test_a_name_is_the_same_in_a_file_of_digits_and_in_one_of_words(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("x,y\n007,1\n012,2\n")
    (tmp_path / "2.csv").write_text("x,y\n007,3\nb,4\n")
    both = find_files([str(tmp_path / "*.csv")]).read(["x", "y"])
    assert both["x"].tolist() == ["007", "012", "007", "b"] and both["y"].tolist() == [1, 2, 3, 4]
    alone = replace(find_files([str(tmp_path / "1.csv")]), texts=("x",))
    assert alone.read(["x", "y"])["x"].tolist() == ["007", "012"]


def test_files_of_other_columns_are_refused(tmp_path: Path) -> None:
    csv(tmp_path / "1.csv", {"x": np.array([1.0])})
    csv(tmp_path / "2.csv", {"y": np.array([1.0])})
    with pytest.raises(BadInput, match=r"2\.csv: has other columns than .*1\.csv: x, y"):
        find_files([str(tmp_path / "*.csv")]).names()


def test_files_that_are_not_there_or_of_no_known_format_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--data .*none\*: no such file"):
        find_files([str(tmp_path / "none*")])
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(BadInput, match=r"a\.xlsx: the format is told by the ending"):
        find_files([str(tmp_path / "a.xlsx")])


@pytest.mark.parametrize("name", ["a.parquet", "a.npz", "a.h5", "a.root"])
def test_damaged_files_are_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no such format at all")
    with pytest.raises(BadInput, match=f"{name}: cannot be read as"):
        find_files([str(tmp_path / name)]).names()


def test_numbers_and_texts_are_turned_into_each_other() -> None:
    assert as_texts(np.array([1.0, 2.5, np.nan])).tolist() == ["1", "2.5", None]
    np.testing.assert_array_equal(
        as_numbers(np.array(["1", None, "2e3"], dtype=object), "x", ""), [1, np.nan, 2000]
    )
    with pytest.raises(BadInput, match="column 'x': row 2 is 'a', no number; what to do"):
        as_numbers(np.array(["1", "a"], dtype=object), "x", "what to do")
