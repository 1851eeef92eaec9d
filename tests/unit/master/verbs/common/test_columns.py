"""Columns stand under each other."""

from __future__ import annotations

from master.verbs.common.columns import aligned


def test_a_column_is_as_wide_as_its_widest_cell_and_no_line_ends_in_blanks() -> None:
    assert list(aligned([("A", "LONG", "C"), ("aaa", "b", "")])) == ["A    LONG  C", "aaa  b"]
