"""Logs of training libraries in CSV."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.view.logged.csv_logs import read_csv_log

LIGHTNING = """\
epoch,step,train_loss,val_loss,val_f1
0,9,0.9,,
0,9,,0.8,0.4
1,19,0.5,,
1,19,,0.6,0.7
"""


def log(folder: Path, text: str) -> Path:
    path = folder / "metrics.csv"
    path.write_text(text)
    return path


def test_lightnings_rows_have_empty_cells(tmp_path: Path) -> None:
    assert read_csv_log(log(tmp_path, LIGHTNING)) == {
        "train_loss": [0.9, 0.5],
        "val_loss": [0.8, 0.6],
        "val_f1": [0.4, 0.7],
    }


@pytest.mark.parametrize("text", ["", "epoch,loss\n", "a,b\nx,y\n", "\n\n", "loss\n,\n"])
def test_without_numbers_there_is_nothing(tmp_path: Path, text: str) -> None:
    assert read_csv_log(log(tmp_path, text)) == {}


def test_rows_of_other_lengths_and_words_are_passed_over(tmp_path: Path) -> None:
    assert read_csv_log(log(tmp_path, "loss,name\n1,a,b,c\n2\nx,y\n3,z\n")) == {"loss": [1.0, 2.0, 3.0]}


def test_what_is_no_csv_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"metrics\.csv is no CSV"):
        read_csv_log(log(tmp_path, "a\n" + '"' + "x" * 200_000 + '"'))
