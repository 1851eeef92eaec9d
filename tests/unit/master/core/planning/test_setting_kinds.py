"""How the values of job settings are read, and what is said of those that are none."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning import setting_kinds as kinds
from master.core.planning.setting_kinds import Kind
from worker_agent.protocol.terms import CollectRules

FINE = [
    (kinds.TIME, "90s", 90.0),
    (kinds.TIME, 5, 5.0),
    (kinds.SIZE, "1KB", 1000),
    (kinds.EXECUTOR, "warm", "warm"),
    (kinds.ID, "fold0", "fold0"),
    (kinds.ID, "{model}/{lr}", "{model}/{lr}"),
    (kinds.FOLDER, "alpha/b", "alpha/b"),
    (kinds.COLLECT, {}, CollectRules()),
    (
        kinds.COLLECT,
        {"include": ["*.pt"], "exclude": [], "max_size": "2KB"},
        CollectRules(["*.pt"], [], 2000),
    ),
    (kinds.ANYTHING, {"a": [1]}, {"a": [1]}),
]


@pytest.mark.parametrize(("kind", "value", "read"), FINE)
def test_what_may_stand_there_is_read(kind: Kind[Any], value: Any, read: Any) -> None:
    assert kind.parse(value) == read


WRONG = [
    (kinds.TIME, "soon", "is `soon`, allowed are"),
    (kinds.SIZE, "much", "is `much`, allowed is"),
    (kinds.EXECUTOR, "warn", "did you mean `warm`"),
    (kinds.EXECUTOR, 3, "is 3"),
    (kinds.ID, "a/b", "allowed are letters, digits"),
    (kinds.ID, ".hidden", "not . or - first"),
    (kinds.ID, "x" * 101, "100 at most"),
    (kinds.FOLDER, "a//b", "with / between"),
    (kinds.FOLDER, "../a", "with / between"),
    (kinds.FOLDER, "a/" * 101 + "a", "a string of at most 200 characters"),
    (kinds.COLLECT, ["*.pt"], "allowed is an object of include, exclude, max_size"),
    (kinds.COLLECT, {"includes": []}, "did you mean `include`"),
    (kinds.COLLECT, {"max_size": "much"}, "has a max_size of `much`"),
    (kinds.COLLECT, {"include": "*.pt"}, "allowed is a list of patterns"),
    (kinds.COLLECT, {"exclude": ["../x"]}, "allowed is a list of patterns"),
    (kinds.COLLECT, {"exclude": ["/"]}, "allowed is a list of patterns"),
    (kinds.KEPT, 1, "is kept for a setting"),
]


@pytest.mark.parametrize(("kind", "value", "says"), WRONG)
def test_what_may_not_is_none_and_told_why(kind: Kind[Any], value: Any, says: str) -> None:
    assert kind.parse(value) is None
    assert says.replace("`", "") in kind.wrong(value).replace("`", "").replace('"', "")
