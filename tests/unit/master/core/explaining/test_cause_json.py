"""What a cause says survives the way to who asks."""

from __future__ import annotations

import json

import pytest

from master.core.explaining.cause_json import from_json, to_json
from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why

BASE = Cause(Why.NO_ROOM, hindrances=(Hindrance("w1", Obstacle.PAUSED, "disk full", 4.0),))
CAUSES = [
    Cause(Why.RUNS, "w1", since=1.0, until=2.0),
    BASE,
    Cause(Why.NO_ROOM, hindrances=(Hindrance("w1", Obstacle.PAUSED_BY_USER, "night", 4.0, "anna", 1.0),)),
    Cause(Why.AWAITS_BASE_MODEL, job="base_models/x", of_base=BASE),
]


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_comes_back_as_it_was(cause: Cause) -> None:
    assert from_json(json.loads(json.dumps(to_json(cause)))) == cause


@pytest.mark.parametrize(
    "told",
    [
        {},
        {**to_json(BASE), "why": "no idea"},
        {**to_json(BASE), "more": 1},
        {**to_json(BASE), "hindrances": [1]},
    ],
)
def test_what_is_no_cause_is_told(told: dict[str, object]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        from_json(told)
