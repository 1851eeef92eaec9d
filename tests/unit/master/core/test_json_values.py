"""When two values of JSON are the same."""

from __future__ import annotations

import pytest

from master.core.json_values import same


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 1.0, True),
        (True, True, True),
        (True, 1, False),
        (0, False, False),
        ("1", 1, False),
        ([1], [1.0], True),
    ],
)
def test_true_is_not_one_and_one_is_one_point_zero(one: object, other: object, alike: bool) -> None:
    assert same(one, other) is alike and same(other, one) is alike
