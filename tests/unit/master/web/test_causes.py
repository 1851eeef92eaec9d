"""Why jobs have not ended, as a master tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.core.explaining.cause_json import to_json
from master.core.explaining.causes import Cause, Why
from master.errors import TwophaseError
from master.storage.run_layout import RunLayout
from master.web import causes as module
from master.web.causes import Causes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a master answer; what it is asked is written down."""
    found: list[str] = []

    def ask(layout: RunLayout, route: str, name: str) -> dict[str, Any] | None:
        found.append(name)
        if name == "silent":
            raise TwophaseError("no answer")
        cause = None if name == "ended" else to_json(Cause(Why.IS_NEXT, "w1"))
        return None if name == "gone" else {"cause": cause, "at": 1.0}

    monkeypatch.setattr(module, "ask", ask)
    return found


def test_what_was_told_is_kept_as_long_as_the_job_is_in_its_state(asked: list[str], tmp_path: Path) -> None:
    causes = Causes(RunLayout(tmp_path))
    causes.learn([("a", 5.0)])
    assert causes.known("a", 5.0) == ("comes next: w1 has room for it", "")
    assert causes.known("a", 6.0) == causes.known("b", 5.0) == ("", "")


def test_nothing_is_told_of_a_job_that_has_ended(asked: list[str], tmp_path: Path) -> None:
    causes = Causes(RunLayout(tmp_path))
    causes.learn([("ended", 1.0)])
    assert causes.known("ended", 1.0) == ("", "")


@pytest.mark.parametrize("name", ["gone", "silent"])
def test_where_no_master_answers_the_rest_is_not_asked(name: str, asked: list[str], tmp_path: Path) -> None:
    Causes(RunLayout(tmp_path)).learn([(name, 1.0), ("a", 1.0)])
    assert asked == [name]


def test_it_does_not_grow_without_end(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_KEPT", 2)
    causes = Causes(RunLayout(tmp_path))
    causes.learn([(name, 1.0) for name in "abc"])
    assert [bool(causes.known(name, 1.0)[0]) for name in "abc"] == [False, False, True]
