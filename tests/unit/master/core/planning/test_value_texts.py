from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.planning.value_texts import same_numbers, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *(
            (1e-3, "1e-3"),
            (3e-4, "3e-4"),
            (0.01, "0.01"),
            (0.0012, "0.0012"),
            (1e-5, "1e-5"),
            (-3e-4, "-3e-4"),
        ),
        *((1.0, "1.0"), (10.0, "10.0"), (1e6, "1e6"), (12345.5, "12345.5"), (1e22, "1e22"), (0.0, "0.0")),
        *((1, "1"), (True, "true"), (False, "false"), (None, "null"), ("adam w", "adam_w"), ("é/x", "__x")),
        *(([0.9, 0.999], "0.9+0.999"), ([], ""), (["a", None], "a+null")),
    ],
)
def test_values_read_well(value: Any, text: str) -> None:
    assert value_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_is_rounded(value: float) -> None:
    assert float(value_text(value)) == value


@given(st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.integers()))
def test_every_value_may_stand_in_an_id(value: Any) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._+=-]*", value_text(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lr=0.003_seed=2", "lr=3e-3_seed=2"),
        ("b=0.9+0.990", "b=0.9+0.99"),
        ("x=-0.0", "x=0"),
        ("x=100000", "x=1E+5"),
        ("0.5", "5e-1"),
    ],
)
def test_names_of_equal_numbers_are_equal(one: str, other: str) -> None:
    assert same_numbers(one) == same_numbers(other)


@pytest.mark.parametrize(
    "text", ["run01", "a3e-3", "lr=0.0030*", "9" * 40, "base_models/3e10ab", "1.2.30", "x=1e99999", ""]
)
def test_what_is_no_number_of_its_own_stays(text: str) -> None:
    assert same_numbers(text) == text
