"""Types of flags: functions for `add_argument(type=…)` that say what is allowed."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any


def whole(low: int, below: int | None = None) -> Callable[[str], int]:
    """Return the type of whole numbers from `low`, to below `below` where there is such a bound."""
    bound = f"of at least {low}" if below is None else f"from {low} to below {below}"
    return _checked(int, lambda value: low <= value < (math.inf if below is None else below), bound)


def real(low: float, high: float) -> Callable[[str], float]:
    """Return the type of numbers from `low` to `high`, both included."""
    return _checked(float, lambda value: low <= value <= high, f"from {low:g} to {high:g}")


def at_least(low: float) -> Callable[[str], float]:
    """Return the type of finite numbers from `low`."""
    return _checked(float, lambda value: value >= low, f"of at least {low:g}")


def below(low: float, high: float) -> Callable[[str], float]:
    """Return the type of numbers from `low` to below `high`."""
    return _checked(float, lambda value: low <= value < high, f"from {low:g} to below {high:g}")


def inside(low: float, high: float) -> Callable[[str], float]:
    """Return the type of numbers above `low` and below `high`."""
    return _checked(float, lambda value: low < value < high, f"above {low:g} and below {high:g}")


def positive(text: str) -> float:
    """Return a finite number above 0."""
    value: float = _checked(float, lambda value: value > 0, "above 0")(text)
    return value


def _checked(
    kind: Callable[[str], Any], allowed: Callable[[float], bool], bound: str
) -> Callable[[str], Any]:
    what = "a whole number" if kind is int else "a number"

    def parse(text: str) -> Any:
        try:
            value = kind(text)
            fits = math.isfinite(value) and allowed(value)
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} {bound}")
        return value

    return parse
