"""In which fields jobs differ."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.varying import varying


@pytest.mark.parametrize(
    ("configs", "names"),
    [
        ([], []),
        ([{"a": 1}], []),
        ([{"a": 1, "b": 2}, {"a": 1, "b": 3}], ["b"]),
        ([{"a": 1}, {"a": 1.0}, {"a": True}], ["a"]),
        ([{"b": 1, "a": 2}, {"c": None}], ["b", "a"]),
    ],
)
def test_what_varies_is_not_equal_in_all(configs: list[dict[str, Any]], names: list[str]) -> None:
    assert varying(configs) == names
