"""The end of a log, for the page."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.core.explaining.standing import Standing
from master.errors import TwophaseError
from master.storage.run_layout import RunLayout
from master.web.logs import ends as module
from master.web.logs.ends import log_json

RUNS = Standing("running", attempt=2, attempts=2, worker="w1")


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    found = RunLayout(tmp_path)
    found.log("a", 1).parent.mkdir(parents=True)
    found.log("a", 1).write_bytes(b"one\n\x1b[31mtwo\x1b[0m </script>\n")
    return found


def frames(*items: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from items


def data(text: str) -> dict[str, Any]:
    return {"data": base64.b64encode(text.encode()).decode()}


def follow(monkeypatch: pytest.MonkeyPatch, *items: dict[str, Any]) -> None:
    monkeypatch.setattr(module, "followed", lambda *_, **__: frames(*items))


def test_what_runs_is_told_by_its_worker_up_to_now(
    layout: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(monkeypatch, {"begin": 2}, {}, data("a\n"), data("b\r50%\n"), {}, data("later\n"))
    told = log_json(layout, "a", RUNS, None)
    assert (told["attempt"], told["live"], told["lines"]) == (2, True, ["a", "50%"])


@pytest.mark.parametrize("items", [[{"begin": 2}, *[{}] * 9, data("late")], [{"end": "failed"}]])
def test_where_its_worker_says_nothing_an_earlier_try_is_shown(
    items: list[dict[str, Any]], layout: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(monkeypatch, *items)
    told = log_json(layout, "a", RUNS, None)
    assert (told["attempt"], told["live"], told["lines"]) == (1, False, ["one", "two </script>"])


def test_without_a_master_it_is_said_when_the_log_comes(
    layout: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise TwophaseError("too many")

    monkeypatch.setattr(module, "followed", refuse)
    assert log_json(layout, "b", RUNS, None)["says"] == "its log comes home when the try ends"
    monkeypatch.setattr(module, "followed", lambda *_, **__: None)
    assert log_json(layout, "b", RUNS, None)["lines"] == []


def test_a_try_is_chosen_by_its_number(layout: RunLayout) -> None:
    ended = Standing("failed", attempt=2, attempts=2)
    assert log_json(layout, "a", ended, 1)["lines"][0] == "one"
    assert log_json(layout, "a", ended, 2)["says"] == "there is no log of it here"
