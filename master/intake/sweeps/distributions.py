"""The named distributions that a sweep may draw from.

What is drawn depends on nothing but the seed, the field's name and the numbers: the same file gives the same
jobs everywhere, and more draws begin with the fewer.  Therefore only `Random.random` is used, which Python
promises to keep, and numbers are rounded to six digits, where all mathematical libraries agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist
from typing import Any

from master.core.nearest import literal

Numbers = Sequence[Any]
_LEAST = 2.0**-53
_MOST = 2**53


@dataclass(frozen=True)
class Distribution:
    """A distribution: what it takes, and how a number from 0 to 1 becomes a value of it."""

    takes: str
    """Its numbers, as messages and the documentation name them."""
    problem: Callable[[Numbers], str]
    """Return what is wrong with them, "" where nothing is."""
    value: Callable[[float, Numbers], Any]


def draws(distribution: Distribution, numbers: Numbers, seed: int, name: str) -> Iterator[Any]:
    """Yield values for the field `name`, without end."""
    random = Random(f"{seed}/{name}")
    while True:
        yield distribution.value(random.random(), numbers)


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _wrong_bounds(numbers: Numbers, count: int = 2) -> str:
    if len(numbers) != count or not all(map(_is_number, numbers)):
        return f"takes {count} numbers"
    low, high = numbers[:2]
    return "" if low < high else f"has the bounds {literal(low)} and {literal(high)}: the first must be lower"


def _wrong_log(numbers: Numbers) -> str:
    return _wrong_bounds(numbers) or (
        "" if numbers[0] > 0 else f"has the lower bound {literal(numbers[0])}, which must be above 0"
    )


def _whole(check: Callable[[Numbers], str]) -> Callable[[Numbers], str]:
    def problem(numbers: Numbers) -> str:
        wrong = check(numbers)
        if wrong or all(type(value) is int and abs(value) < _MOST for value in numbers):
            return wrong
        return f"has the bounds {literal(list(numbers))}, which must be whole numbers"

    return problem


def _wrong_steps(numbers: Numbers) -> str:
    wrong = _wrong_bounds(numbers, 3)
    if wrong or 0 < numbers[2] <= numbers[1] - numbers[0]:
        return wrong
    return f"has the step {literal(numbers[2])}, which must be above 0 and at most {numbers[1] - numbers[0]}"


def _wrong_normal(numbers: Numbers) -> str:
    if len(numbers) != 2 or not all(map(_is_number, numbers)):
        return "takes 2 numbers"
    return "" if numbers[1] > 0 else f"has the deviation {literal(numbers[1])}, which must be above 0"


def _uniform(u: float, numbers: Numbers) -> float:
    low, high = numbers
    return _within(low + u * (high - low), low, high)


def _log_uniform(u: float, numbers: Numbers) -> float:
    low, high = numbers
    return _within(math.exp(math.log(low) + u * (math.log(high) - math.log(low))), low, high)


def _int_uniform(u: float, numbers: Numbers) -> int:
    low, high = map(int, numbers)
    return min(high, low + int(u * (high - low + 1)))


def _int_log_uniform(u: float, numbers: Numbers) -> int:
    low, high = map(int, numbers)
    return max(low, min(high, int(_log_uniform(u, (low, high + 1)))))


def _step_uniform(u: float, numbers: Numbers) -> int | float:
    low, high, step = numbers
    value = low + step * int(u * (math.floor((high - low) / step + 1e-9) + 1))
    return value if isinstance(value, int) else _rounded(value)


def _normal(u: float, numbers: Numbers) -> float:
    return _rounded(NormalDist(*numbers).inv_cdf(max(u, _LEAST)))


def _log_normal(u: float, numbers: Numbers) -> float:
    return _rounded(math.exp(min(700.0, NormalDist(*numbers).inv_cdf(max(u, _LEAST)))))


def _choice(u: float, values: Numbers) -> Any:
    return values[int(u * len(values))]


def _within(value: float, low: float, high: float) -> float:
    return float(min(max(_rounded(value), low), high))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


_BOUNDS = "[low, high]"
DISTRIBUTIONS: dict[str, Distribution] = {
    "uniform": Distribution(_BOUNDS, _wrong_bounds, _uniform),
    "log_uniform": Distribution(f"{_BOUNDS}, above 0", _wrong_log, _log_uniform),
    "int_uniform": Distribution(f"{_BOUNDS}, whole, both included", _whole(_wrong_bounds), _int_uniform),
    "int_log_uniform": Distribution(f"{_BOUNDS}, whole, above 0", _whole(_wrong_log), _int_log_uniform),
    "step_uniform": Distribution("[low, high, step]", _wrong_steps, _step_uniform),
    "normal": Distribution("[mean, deviation]", _wrong_normal, _normal),
    "log_normal": Distribution("[mean, deviation] of the logarithm", _wrong_normal, _log_normal),
    "choice": Distribution("the values", lambda values: "" if values else "has no values", _choice),
}
