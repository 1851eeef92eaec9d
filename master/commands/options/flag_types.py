"""Types of the commands' flags.  argparse tells the user their names, which say what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from master.core.quantities import seconds

Number = TypeVar("Number", int, float)
_MOST = 10**9


def bounded(kind: Callable[[str], Number], least: Number, most: Number, name: str) -> Callable[[str], Number]:
    """Return the type of a number from `least` to `most`, which argparse calls `name`."""

    def parse(text: str) -> Number:
        value = kind(text)
        if not least <= value <= most:
            raise ValueError
        return value

    parse.__name__ = name
    return parse


whole_number = bounded(int, 1, _MOST, "whole number (1 or more)")
number_of_tries = bounded(int, 0, 100, "number of tries (0 to 100)")
number_of_seconds = bounded(float, 1.0, 1e7, "number of seconds (1 to 1e7)")


def time_limit(text: str) -> float:
    """Return the seconds of an option such as `90`, `15m` or `2h`.  Raises ValueError."""
    value = seconds(float(text)) if text[-1:].isdigit() else seconds(text)
    if value is None:
        raise ValueError
    return value


def patience(text: str) -> float:
    """Return the seconds of an option that may be 0, too.  Raises ValueError."""
    return 0.0 if text == "0" else time_limit(text)


patience.__name__ = "time (0, seconds, or like 90s, 15m, 2h, 1d)"
time_limit.__name__ = "time (seconds above 0, or like 90s, 15m, 2h, 1d)"
