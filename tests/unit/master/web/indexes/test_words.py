"""What a word of a filter fits."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.explaining.standing import Standing
from master.web.indexes.words import FieldIndex, TextIndex

FIELDS: dict[str, dict[str, Any]] = {
    "int": {"x": 1},
    "float": {"x": 1.0},
    "true": {"x": True},
    "text": {"x": "1"},
    "none": {"x": None},
    "list": {"x": [1, 2]},
    "other": {"y": 1},
}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((1, {"int", "float"}), (True, {"true"}), ("1", {"text"}), (None, {"none"})),
        *(([1, 2.0], {"list"}), ([2], set()), (7, set())),
    ],
)
def test_values_are_equal_as_in_json(value: Any, found: set[str]) -> None:
    index = FieldIndex(FIELDS)
    assert index.names == {"x", "y"}
    assert index.having("x", value) == found == index.having("x", value)


def test_parts_of_ids_workers_and_notes_whatever_their_case() -> None:
    index = TextIndex()
    standings = {"Alpha/A": Standing(worker="Lab1"), "b": Standing(note="Out of LUCK"), "c": Standing()}
    for job_id, standing in standings.items():
        index.add(job_id)
        index.take(job_id, standing)

    def fitting(word: str) -> list[str]:
        return index.fitting(word, ["c", "b", "Alpha/A"], standings)

    assert [fitting(word) for word in ("alpha", "lab", "luck", "b", "nothing")] == [
        *(["Alpha/A"], ["Alpha/A"], ["b"], ["b", "Alpha/A"], []),
    ]
    index.take("b", Standing())
    assert fitting("luck") == [], "a note that is gone fits no more"
