"""What `twophase workers` shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.core.running import events as ev
from master.core.running.orders.of_workers import PauseWorkers, SetSlots
from master.runs.control import client
from master.runs.control.answers import WORKERS, answer
from master.verbs.workers import workers
from tests.unit.master.core.running.stage import Stage, job
from tests.unit.master.verbs.published import as_published


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A run that answers for its master."""
    run = Stage(job("a"), workers=["lab4", "lab5"])
    run.up("lab4", slots=4)
    run.order(PauseWorkers(["lab4"]), "night")
    run.order(SetSlots(["lab4"], 2))
    run.lost("lab5")

    def ask(layout: Any, route: str) -> Any:
        return answer(route, run.state, run.at)[1]

    monkeypatch.setattr(client, "ask", ask)
    return run


def test_a_line_for_each_with_who_holds_it(
    run: Path, asked: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workers.main(["--run", str(run)]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["WORKER", "STATE", "SLOTS", "JOBS", "WHY"]
    assert first.startswith("lab4    paused  2 of 4  1     paused by anna since ")
    assert first.endswith(": night")
    assert second == "lab5    down    0       0     broken pipe"


@pytest.mark.parametrize(("held", "said"), [(1, "1 slot held by other"), (2, "2 slots held by other")])
def test_slots_of_others_are_counted(
    run: Path, asked: Stage, capsys: pytest.CaptureFixture[str], held: int, said: str
) -> None:
    asked.tell(ev.SlotsHeldByOthers(asked.at, "lab4", held))
    assert workers.main(["--run", str(run)]) == 0
    assert said in capsys.readouterr().out


def test_it_is_published(run: Path, asked: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert workers.main(["--run", str(run), "--json"]) == 0
    told = as_published("workers", capsys.readouterr().out)
    assert [each["stands"] for each in told["workers"]] == ["paused", "down"]
    assert answer(WORKERS, asked.state, 3.0)[1]["at"] == 3.0  # type: ignore[index]


def test_without_a_master_there_is_nothing_to_ask(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(client, "ask", lambda layout, route: None)
    assert workers.main(["--run", str(run)]) == 5
    assert "no master of this machine works in this run" in capsys.readouterr().err
