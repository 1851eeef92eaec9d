"""What users have decided about workers, in words."""

from __future__ import annotations

import pytest

from master.core.running.fleet.holds import Hold


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        (Hold("anna", 0.0), "paused by anna"),
        (Hold("anna", 0.0, "night"), "paused by anna: night"),
        (Hold("bob", 0.0, drains=True, at_once=True), "drained by bob"),
        (
            Hold("", 0.0, "not listed"),
            "paused: not listed",
        ),
    ],
)
def test_it_is_signed_with_who_and_why(hold: Hold, said: str) -> None:
    assert f"{hold.word}{hold.signed}" == said
