"""What verbs that give orders print, and their exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.errors import NoMaster
from master.runs.control import client, order_parts
from master.verbs.jobs import cancel
from tests.unit.master.verbs.published import as_published

Answers = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Return what lets a master answer each order with the next of some replies, and the orders."""

    def reply(*replies: dict[str, Any] | Exception) -> list[dict[str, Any]]:
        rest, seen = list(replies), list[dict[str, Any]]()

        def order(layout: Any, verb: str, fields: Any, why: str, *, dry_run: bool) -> dict[str, Any]:
            seen.append({"verb": verb, "fields": fields, "why": why, "dry_run": dry_run})
            answer = rest.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return {"done": [], "refused": [], "notes": [], **answer}

        monkeypatch.setattr(client, "order", order)
        return seen

    return reply


DONE = {"done": [{"name": "alpha/plain", "says": "was running on lab1"}]}
REFUSED = {"refused": [{"name": "alpha/lr=0.1", "says": "has succeeded"}]}


def test_one_line_tells_what_was_done(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = answers(DONE)
    assert cancel.main(["plain", "--run", str(run), "--why", "diverges"]) == 0
    assert capsys.readouterr().out == "cancel alpha/plain: was running on lab1\n"
    only: dict[str, Any] = {"jobs": ["alpha/plain"], "only": []}
    assert seen == [{"verb": "cancel", "fields": only, "why": "diverges", "dry_run": False}]


def test_what_is_refused_is_an_error_and_said_apart(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers({**DONE, **REFUSED})
    assert cancel.main(["plain", "lr=0.1", "--run", str(run), "--dry-run"]) == 1
    out, err = capsys.readouterr()
    assert out == "would cancel alpha/plain: was running on lab1\n"
    assert err == "twophase cancel: alpha/lr=0.1: has succeeded\n"


def test_all_that_came_of_several_orders_is_one_object(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_parts, "MOST_NAMES", 1)
    answers(DONE, REFUSED)
    assert cancel.main(["plain", "lr=0.1", "--run", str(run), "--json"]) == 1
    printed = as_published("order", capsys.readouterr().out)
    assert (len(printed["done"]), len(printed["refused"])) == (1, 1)


def test_what_was_done_is_told_though_the_master_went_meanwhile(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_parts, "MOST_NAMES", 1)
    answers(DONE, NoMaster("no master is running on this run"))
    assert cancel.main(["plain", "lr=0.1", "--run", str(run)]) == 1
    out, err = capsys.readouterr()
    assert out == "cancel alpha/plain: was running on lab1\n"
    says = "is not known to be done: no master is running on this run"
    assert err == f"twophase cancel: alpha/lr=0.1: {says}\n"


def test_a_hundred_are_told_in_few_lines(
    run: Path, answers: Answers, capsys: pytest.CaptureFixture[str]
) -> None:
    answers({key: [{"name": f"j{n}", "says": "x"} for n in range(100)] for key in ("done", "refused")})
    assert cancel.main(["plain", "--run", str(run)]) == 1
    out, err = capsys.readouterr()
    assert out.endswith("… and 80 more: --json tells all 100\n") and len(out.splitlines()) == 21
    assert len(err.splitlines()) == 21


def test_without_a_master_nothing_is_done(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = [path.read_bytes() for path in sorted((run / ".twophase").iterdir())]
    assert cancel.main(["plain", "--run", str(run)]) == 5
    assert (
        "no master is running on this run" in (err := capsys.readouterr().err) and len(err.splitlines()) == 1
    )
    assert [path.read_bytes() for path in sorted((run / ".twophase").iterdir())] == before


def test_a_directory_without_a_run_is_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cancel.main(["plain", "--run", str(tmp_path)]) == 2
    assert "no run in" in capsys.readouterr().err
