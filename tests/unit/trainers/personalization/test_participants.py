"""The trainer and the head node find the same base participants, each by itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from master.intake.participant_jobs import SPLIT
from trainers.personalization.participants import base_participants

NAMES = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=5, unique=True)


def found(find: Any) -> Any:
    try:
        return find()
    except ValueError as error:
        return str(error)


@given(NAMES, st.integers(-1, 5), st.just("all") | st.integers(0, 5))
def test_both_find_the_same(names: list[str], fold: int, count: int | str) -> None:
    config = {"participants": names, "fold": fold, "n_base_participants": count}
    mine = found(lambda: base_participants(names, fold, count))
    assert mine == found(lambda: SPLIT.others_of(config))
