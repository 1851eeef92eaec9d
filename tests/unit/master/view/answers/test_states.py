"""The states of jobs by name."""

from __future__ import annotations

from master.core.running.lifecycle import State
from master.view.answers.states import ENDED, HOW_ENDED, STATES, counted


def test_every_state_is_shown_and_every_end_has_its_words() -> None:
    assert sorted(STATES) == sorted(state.value for state in State)
    assert set(HOW_ENDED) == ENDED


def test_states_are_counted_in_the_order_in_which_they_are_shown() -> None:
    assert counted({"succeeded": 1204, "ready": 0, "failed": 2}) == "2 failed, 1,204 succeeded"
    assert counted({}) == ""
