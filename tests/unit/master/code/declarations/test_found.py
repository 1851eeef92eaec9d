"""What several files tell of one flag."""

from __future__ import annotations

from master.code.declarations.found import Found
from master.core.flags.declared import Flag, Takes


def test_a_flag_that_is_declared_twice_alike_is_known() -> None:
    flag = Flag("x", "--x", Takes.MANY)
    assert Found((("x", flag), ("x", flag))).by_name() == {"x": flag}


def test_of_one_that_is_declared_in_two_ways_the_name_alone_is_known() -> None:
    found = Found((("x", Flag("x", "--x")), ("x", Flag("x", "--x", Takes.NOTHING, on=("--x",)))))
    assert found.by_name() == {"x": Flag("x", "--x", Takes.UNKNOWN)}
