"""Jobs over participants are checked whatever stands in them."""

from __future__ import annotations

from typing import Any

import pytest

from master.intake.participant_jobs import participant_problems


@pytest.mark.parametrize(
    "participants", [[["A"], ["A"]], [{"name": "A"}], ["A", None], [], "AA", {"A": 1}, 3, [True, True]]
)
def test_what_is_no_list_of_names_is_one_problem_that_names_the_field(participants: Any) -> None:
    found = list(participant_problems({"participants": participants, "fold": 0}, needed=True))
    assert found == [("participants", "must be a list of names, at least one")]


def test_a_name_may_stand_there_once() -> None:
    found = list(participant_problems({"participants": ["A", "B", "A"], "fold": 0}, needed=True))
    assert found == [("participants", 'names `"A"` more than once')]
