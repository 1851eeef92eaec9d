"""Times and sizes as users write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.quantities import LARGEST_BYTES, LONGEST_S, seconds, size_bytes


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (90, 90.0),
        (1.5, 1.5),
        ("90s", 90.0),
        ("15m", 900.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1.5 h", 5400.0),
    ],
)
def test_times(written: Any, meant: float) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (4096, 4096),
        ("1B", 1),
        ("800MB", 800_000_000),
        ("64MiB", 2**26),
        ("24GB", 24 * 10**9),
        ("1.5 KiB", 1536),
    ],
)
def test_sizes(written: Any, meant: int) -> None:
    assert size_bytes(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        *(0, -1, True, False, None, [], {}, "", "5", "s", "MB", "-5s", "-5MB", "5 weeks", "5mb", "٣s"),
        *(float("nan"), float("inf"), "1 0s", "10s ", "0s", "0B", LARGEST_BYTES * 2.0**10),
    ],
)
def test_what_is_no_quantity(written: Any) -> None:
    assert seconds(written) is None
    assert size_bytes(written) is None


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()))
def test_whatever_is_written_gives_a_usable_number_or_none(written: Any) -> None:
    time_s, size = seconds(written), size_bytes(written)
    assert time_s is None or 0 < time_s <= LONGEST_S
    assert size is None or 1 <= size <= LARGEST_BYTES


@given(st.integers(1, 10_000), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_a_unit_multiplies(number: int, unit: tuple[str, int]) -> None:
    assert seconds(f"{number}{unit[0]}") == number * unit[1] == seconds(number * unit[1])
