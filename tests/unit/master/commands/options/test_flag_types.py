"""Numbers on the command line are in range, or the flag says what is allowed."""

from __future__ import annotations

import argparse

import pytest

from master.commands.options.flag_types import (
    bounded,
    number_of_seconds,
    number_of_tries,
    time_limit,
    whole_number,
)


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [(whole_number, "1", "1000000000"), (number_of_tries, "0", "100"), (number_of_seconds, "1", "1e7")],
)
def test_both_ends_of_the_range_are_in_it(kind: object, least: str, most: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--n", type=kind)  # type: ignore[arg-type]
    assert [parser.parse_args(["--n", text]).n for text in (least, most)] == [float(least), float(most)]


@pytest.mark.parametrize("text", ["0", "11", "nan", "1.5", "", "x"])
def test_what_is_out_of_range_is_told_by_name(text: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--n", type=bounded(int, 1, 10, "digit (1 to 10)"))
    with pytest.raises(argparse.ArgumentError, match=r"invalid digit \(1 to 10\) value"):
        parser.parse_args(["--n", text])


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90.0), ("15m", 900.0), ("2h", 7200.0), ("1d", 86400.0)]
)
def test_time_limits_have_units(text: str, expected: float) -> None:
    assert time_limit(text) == expected
