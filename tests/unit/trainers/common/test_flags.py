"""Types of flags."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import pytest

from trainers.common.flags import at_least, below, inside, positive, real, whole


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (whole(1), "3", 3),
        (whole(0, 8), "7", 7),
        (real(0, 1), "1", 1.0),
        (at_least(0), "0", 0.0),
        (below(0, 1), "0.5", 0.5),
        (inside(0, 1), "0.5", 0.5),
        (positive, "1e-9", 1e-9),
    ],
)
def test_what_is_allowed_is_taken(kind: Callable[[str], Any], text: str, value: float) -> None:
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (whole(1), "0", "'0' is not a whole number of at least 1"),
        (whole(1), "1.5", "'1.5' is not a whole number"),
        (whole(0, 8), "8", "'8' is not a whole number from 0 to below 8"),
        (real(0, 1), "1.01", "'1.01' is not a number from 0 to 1"),
        (real(0, 1), "nan", "'nan' is not a number"),
        (at_least(0), "inf", "'inf' is not a number of at least 0"),
        (below(0, 1), "1", "'1' is not a number from 0 to below 1"),
        (inside(0, 1), "0", "'0' is not a number above 0 and below 1"),
        (inside(0, 1), "1", "'1' is not a number above 0 and below 1"),
        (positive, "0", "'0' is not a number above 0"),
        (positive, "many", "'many' is not a number above 0"),
    ],
)
def test_what_is_not_allowed_says_what_is(kind: Callable[[str], Any], text: str, problem: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=problem):
        kind(text)
