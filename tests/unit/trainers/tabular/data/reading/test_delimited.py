"""Text in columns: what parts the values, and lines that are no table."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.reading import delimited
from trainers.tabular.data.reading.files import find_files


def test_what_parts_the_values_is_told_by_the_first_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('\ufeff"x";"y, in m"\r\n1;2\r\n')
    files = find_files([str(tmp_path / "a.csv")])
    assert files.names() == ["x", "y, in m"] and files.read(["y, in m"])["y, in m"].tolist() == [2]


def test_text_with_lines_of_other_lengths_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n1,2,3\n")
    with pytest.raises(BadInput, match=r"a\.csv: cannot be read as text in columns"):
        find_files([str(tmp_path / "a.csv")]).read(["x"])


@pytest.mark.parametrize(("text", "told"), [("", "is empty"), ("x,y,x\n1,2,3\n", "the columns x twice")])
def test_first_lines_that_name_no_columns_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadInput, match=told):
        find_files([str(tmp_path / "a.csv")]).names()


def test_names_are_as_they_are_written_whatever_else_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("flag,day,code,count\ntrue,2026-01-31 10:00:00,007,1.0\nFALSE,,012,\n")
    found = delimited.columns(path, ["flag", "day", "code", "count"], ["code", "count"])
    assert found["flag"].tolist() == ["true", "FALSE"]
    assert found["day"].tolist() == ["2026-01-31 10:00:00", None]
    assert found["code"].tolist() == ["007", "012"]
    assert found["count"].tolist() == ["1", None]  # as a file of numbers alone has it
    assert delimited.columns(path, ["code"])["code"].tolist() == [7, 12]


def test_a_first_line_without_an_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_LONGEST_LINE", 1000)
    (tmp_path / "a.csv").write_text("x" * 1001 + ",y\n1,2\n")
    with pytest.raises(BadInput, match=r"a\.csv: its first line has no end within 1000 characters"):
        find_files([str(tmp_path / "a.csv")]).names()


def test_a_name_that_no_reader_takes_is_told_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('"' + "x" * 200_000 + '",y\n1,2\n')
    with pytest.raises(BadInput, match=r"a\.csv: cannot be read as text in columns: field larger"):
        find_files([str(tmp_path / "a.csv")]).names()


def test_bytes_that_are_no_text_are_told_with_their_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x,y\n1,\xff\xfe\n")
    with pytest.raises(BadInput, match=r"a\.csv: column 'y' holds text that is not UTF-8"):
        find_files([str(tmp_path / "a.csv")]).read(["x", "y"])
