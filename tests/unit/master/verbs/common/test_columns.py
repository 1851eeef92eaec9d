"""Columns stand under each other."""

from __future__ import annotations

import pytest

from master.verbs.common.columns import aligned, fitted, terminal_width, wrapped


def test_a_column_is_as_wide_as_its_widest_cell_and_no_line_ends_in_blanks() -> None:
    assert list(aligned([("A", "LONG", "C"), ("aaa", "b", "")])) == ["A    LONG  C", "aaa  b"]


ROWS = [
    ("STATE", "WORKER", "JOB", "WHY"),
    ("failed", "lab1:gpu0", "alpha/model=large_lr=1e-3_seed=2", "failed: exit code 1: ValueError: too large"),
    ("running", "lab2", "alpha/model=large_lr=1e-3_seed=3", ""),
]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_longer_than_the_terminal_and_ends_of_names_stay(width: int) -> None:
    lines = list(fitted(ROWS, width))
    assert max(map(len, lines)) <= width
    assert "seed=2" in lines[1] and lines[2].rstrip().endswith("seed=3")


def test_a_wide_terminal_and_what_is_none_show_all() -> None:
    assert list(fitted(ROWS, 200)) == list(fitted(ROWS, None)) == list(aligned(ROWS))


def test_a_name_that_fits_stays_whole_where_reasons_are_cut() -> None:
    lines = list(fitted(ROWS, 80))
    assert ROWS[1][2] in lines[1] and lines[1].endswith("…") and len(lines[1]) == 80


def test_sentences_break_between_words() -> None:
    assert wrapped("no master works here", 10) == "no master\nworks here"
    assert wrapped("no master works here", None) == "no master works here"


def test_only_a_terminal_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "97")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert terminal_width() == 97
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert terminal_width() is None
