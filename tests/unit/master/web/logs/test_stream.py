"""A log that is followed for a visitor."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.core.explaining.cause_json import to_json
from master.core.explaining.causes import Cause, Why
from master.errors import TwophaseError
from master.storage.run_layout import RunLayout
from master.web.logs import stream as module
from master.web.logs.stream import LogStream


def data(text: str, cut: int = 0) -> dict[str, Any]:
    return {"attempt": 1, "offset": 0, "cut": cut, "data": base64.b64encode(text.encode()).decode()}


def stream(monkeypatch: pytest.MonkeyPatch, *frames: dict[str, Any] | Exception) -> LogStream:
    """Return a stream that has heard all."""

    def told() -> Iterator[dict[str, Any]]:
        for frame in frames:
            if isinstance(frame, Exception):
                raise frame
            yield frame

    monkeypatch.setattr(module, "followed", lambda *_, **__: told())
    found = LogStream(RunLayout(Path("nowhere")), "job", lambda: None)
    found._thread.join(10)
    return found


def test_lines_come_with_the_try_and_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stream(monkeypatch, {"begin": 2, "worker": "w"}, {}, data("a\nb\n"), {"end": "succeeded"}).take()
    assert (found["id"], found["attempt"], found["how"], found["lines"]) == ("job", 2, "ended", ["a", "b"])


def test_another_try_begins_anew_and_what_is_cut_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = stream(monkeypatch, data("old\n"), {"begin": 2, "worker": "w"}, data("new\n", cut=2048)).take()
    assert found["fresh"] and found["lines"] == ["… 2,048 bytes are not kept …", "new"]
    assert found["how"] == "away", "nobody tells any more"


def test_what_it_waits_for_is_told_until_something_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = {"waits": to_json(Cause(Why.IS_NEXT, "w1")), "at": 1.0}
    assert stream(monkeypatch, waits).take()["says"].startswith("it comes next")
    assert stream(monkeypatch, {"says": "w1 is not\nconnected"}).take()["says"] == "w1 is not; connected"
    assert stream(monkeypatch, waits, data("x\n")).take()["says"] == ""


ODD = [TwophaseError("8 follow logs already"), {"begin": "x"}, data("a") | {"data": 1}]


@pytest.mark.parametrize("odd", ODD)
def test_a_master_that_refuses_or_says_what_cannot_be(odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stream(monkeypatch, odd).take()
    assert found["how"] == "away" and found["says"]


def test_without_a_master_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "followed", lambda *_, **__: None)
    found = LogStream(RunLayout(Path("nowhere")), "job", lambda: None)
    found._thread.join(10)
    assert (found.take()["how"], found.take()["lines"]) == ("away", [])
