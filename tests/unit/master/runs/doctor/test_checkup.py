"""What a worker tells of itself is taken for what it is worth."""

from __future__ import annotations

import json

import pytest

from master.core.explaining.health import Checkup
from master.errors import RemoteError
from master.runs.doctor.checkup import look
from tests.support.fake_session import FakeSession, Reply

FACTS = {
    "now": 1010.0,
    "user": "me",
    "free": {"~": 5},
    "kills": False,
    "lingers": True,
    "sessions": 10,
    "startups": None,
}


def answering(text: str, exit_code: int = 0) -> FakeSession:
    session = FakeSession("lab1")
    session.script("python3", behaviour=Reply(exit_code, text.encode(), b"Traceback\nOSError: no\n"))
    return session


def test_the_clock_is_compared_with_the_middle_of_the_look() -> None:
    times = iter([1000.0, 1004.0])
    said = f"Welcome!\ntwophase-checkup {json.dumps(FACTS)}\n"
    found = look(answering(said), "python3", ["~"], lambda: next(times))
    assert found == Checkup("me", {"~": 5}, 8.0, True, False, 10, None)


@pytest.mark.parametrize(
    "facts",
    [
        "[]",
        "{",
        '{"now": 1}',
        json.dumps({**FACTS, "free": 3}),
        json.dumps({**FACTS, "free": {"~": "x"}}),
        "9" * 9999,
    ],
)
def test_what_cannot_be_is_told(facts: str) -> None:
    with pytest.raises(RemoteError, match="lab1: what it tells of itself cannot be"):
        look(answering(f"twophase-checkup {facts}\n"), "python3", [])


@pytest.mark.parametrize("value", [True, "yes", [], 1e999])
def test_what_is_of_another_type_is_not_known(value: object) -> None:
    said = json.dumps({**FACTS, "now": value, "sessions": value, "kills": "no"})
    found = look(answering(f"twophase-checkup {said}\n"), "python3", [])
    assert (found.ahead_s, found.max_sessions, found.kills_on_logout) == (None, None, None)


def test_a_look_that_fails_has_its_last_words() -> None:
    with pytest.raises(RemoteError, match=r"cannot be looked at .*\nOSError: no"):
        look(answering("", 1), "python3", [])
