"""A value in the words of a flag."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.flags.declared import Flag, Style, Takes
from master.core.flags.spelling import CannotBeSaid, is_dropped, said

SWITCH = Flag("x", "--x", Takes.NOTHING, on=("--x",), off=("--no-x",))


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        (SWITCH, True, ["--x"]),
        (SWITCH, False, ["--no-x"]),
        (Flag("x", "--x", Takes.NOTHING, on=("--x",), off=()), False, []),
        (Flag("x", "--x"), False, ["--x", "false"]),
        (Flag("x", "--x", boolean=("1", "0")), [True], ["--x", "1"]),
        (Flag("x", "--x"), -1e-5, ["--x=-1e-05"]),
        (Flag("x", "--x"), "@file", ["--x=@file"]),
        (Flag("x", "-x", joins=False, verbatim=True), -1, ["-x", "-1"]),
        (Flag("x", "--x", Takes.MANY), [-1e-5, 2], ["--x", "-0.00001", "2"]),
        (Flag("x", "--x", Takes.MANY), -1e-5, ["--x=-1e-05"]),
        (Flag("x", "--x", Takes.EACH), [1, -2], ["--x", "1", "--x=-2"]),
        (Flag("x", "--x", Takes.COUNT), 2, ["--x", "--x"]),
        (Flag("x", "--x", Takes.COUNT), False, []),
        (Flag("x", "--x", is_whole=True), 3.0, ["--x", "3"]),
        (Flag("x", "--x", is_whole=True), 3.5, ["--x", "3.5"]),
        (Flag("x", "", place=0), "-v", ["-v"]),
        (Flag("x", "--x", Takes.UNKNOWN), True, ["--x"]),
        (Flag("x", "--x", Takes.UNKNOWN), [1, 2], ["--x", "1", "2"]),
    ],
)
def test_a_value_becomes_words(flag: Flag, value: Any, words: list[str]) -> None:
    assert said(flag, value) == words


def test_values_are_joined_where_that_is_the_style() -> None:
    assert said(Flag("x", "--x"), 1, Style.JOINED) == ["--x=1"]
    assert said(SWITCH, False, Style.JOINED) == ["--no-x"]


@pytest.mark.parametrize(
    ("flag", "value", "problem"),
    [
        (SWITCH, 1, "takes no value"),
        (Flag("x", "--x", Takes.NOTHING, off=()), True, "no way to say that"),
        (Flag("x", "--x"), [1, 2], "takes one value"),
        (Flag("x", "--x"), "--", "ends the flags"),
        (Flag("x", "--x", Takes.MANY, 3), [1, 2], "has 2 values, but --x takes 3"),
        (Flag("x", "--x", Takes.COUNT), 1.5, "is counted"),
        (Flag("x", "--x", Takes.COUNT), -1, "is counted"),
    ],
)
def test_what_cannot_be_said_is_told(flag: Flag, value: Any, problem: str) -> None:
    with pytest.raises(CannotBeSaid, match=problem):
        said(flag, value)


def test_a_list_holds_nothing_that_would_be_taken_for_a_flag() -> None:
    with pytest.raises(CannotBeSaid, match="holds `-a`, which would be taken for a flag"):
        said(Flag("x", "--x", Takes.MANY), ["b", "-a"])
    assert said(Flag("x", "--x", Takes.MANY), ["-", "-2"]) == ["--x", "-", "-2"]
    assert said(Flag("x", "--x", Takes.MANY, verbatim=True), ["-a"]) == ["--x", "-a"]


def test_a_false_without_a_word_is_dropped() -> None:
    on = Flag("x", "--x", Takes.NOTHING, on=("--x",))
    assert (said(on, False), is_dropped(on, False), is_dropped(on, True)) == ([], True, False)
    assert is_dropped(Flag("x", "--x", Takes.UNKNOWN), False)
    assert not is_dropped(SWITCH, False) and not is_dropped(Flag("x", "--x"), False)
