"""An order on many jobs goes to the master in parts."""

from __future__ import annotations

from typing import Any

import pytest

from master.runs.control.order_parts import in_parts


def sizes(jobs: list[Any]) -> list[int]:
    return [len(part["jobs"]) for part in in_parts({"jobs": jobs})]


def test_many_jobs_are_several_orders() -> None:
    found = list(in_parts({"jobs": [f"job{number}" for number in range(2500)], "only": ["ready"]}))
    assert [len(order["jobs"]) for order in found] == [1000, 1000, 500]
    assert found[2]["only"] == ["ready"]
    assert sizes(["a" * 150_000] * 3) == [1, 1, 1]


@pytest.mark.parametrize(
    "fields", [{}, {"jobs": []}, {"jobs": "all"}, {"jobs": [1, None]}, {"workers": ["a"]}]
)
def test_what_needs_no_parts_goes_as_it_is(fields: dict[str, Any]) -> None:
    assert list(in_parts(fields)) == [fields]
