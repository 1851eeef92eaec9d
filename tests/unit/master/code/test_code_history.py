"""Which code results are of."""

from __future__ import annotations

import json

import pytest

from master.code.code_history import CodeHistory, CodeStart
from master.code.code_record import CodeRecord


def start(digest: str, at: float = 0.0) -> CodeStart:
    record = CodeRecord(f"script:{digest}", "train.py", {"train.py": digest, "same.py": "0"})
    return CodeStart(record, f"snapshot {digest}", ("{python}", "train.py"), at)


ONE, TWO = start("1", 86400.0), start("2", 2 * 86400.0)


def test_an_attempt_has_the_code_that_it_was_started_with() -> None:
    history = CodeHistory(TWO, {("a", 1): ONE, ("b", 1): None})
    assert (history.of("a", 1), history.of("a", 2), history.of("b", 1)) == (ONE, TWO, None)


def test_results_of_one_code_need_no_word() -> None:
    history = CodeHistory(TWO, {("a", 1): ONE})
    assert history.mixed([("b", 1), ("a", 2)]) == [] == history.mixed([("a", 1)]) == history.mixed([])


def test_results_of_mixed_code_are_told_with_what_differs() -> None:
    history = CodeHistory(TWO, {("a", 1): ONE, ("b", 1): ONE, ("c", 1): None})
    told = history.mixed([("a", 1), ("b", 1), ("c", 1), ("d", 1)])
    assert told[0] == "These results are of 3 versions of the code, which differ in train.py:"
    assert told[1].startswith("  2 by that of 1970-01-0")
    assert told[2] == "  1 by one that was not remembered"
    assert told[3].startswith("  1 by that of 1970-01-0")


def test_a_start_survives_json() -> None:
    assert CodeStart.from_json(json.loads(json.dumps(ONE.as_json()))) == ONE


@pytest.mark.parametrize("value", [None, {}, {"record": {}}, []])
def test_what_is_no_start_is_none(value: object) -> None:
    assert CodeStart.from_json(value) is None
