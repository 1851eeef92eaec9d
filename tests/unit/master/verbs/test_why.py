"""What `twophase why` says."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master.core.explaining.cause_json import to_json
from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.core.running.lifecycle import State, Trigger
from master.errors import TwophaseError
from master.runs.control.place import listening
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.verbs.why import as_json, main, with_log
from master.view.answers.why import sentence
from tests.support.endings import finished
from tests.unit.master.verbs.conftest import moved
from tests.unit.master.verbs.published import as_published

NO_LABEL = Cause(Why.NO_ROOM, hindrances=(Hindrance("lab1", Obstacle.LABELS, "big"),))


def told(state: str, note: str = "", cause: Cause | None = None) -> dict[str, Any]:
    return {
        "job_id": "a",
        "state": state,
        "note": note,
        "cause": to_json(cause) if cause else None,
        "at": 7.0,
    }


def test_what_a_master_answers_is_a_sentence_and_what_would_change_it() -> None:
    found = as_json(told("ready", cause=NO_LABEL), has_master=True)
    assert as_published("why", json.dumps(found))["says"] == "will find no worker: lab1 has not the label big"
    assert found["changes"] == "give a worker the label in the cluster config"


@pytest.mark.parametrize(
    ("state", "note", "says"),
    [
        ("succeeded", "retried", "has succeeded"),
        ("failed", "exit code 1", "has failed: exit code 1"),
        ("failed", "failed: exit code 1", "has failed: exit code 1"),
        ("blocked", "its base model x failed", "is blocked: its base model x failed"),
        ("cancelled", "", "was cancelled"),
        ("cancelled", "by anna: too slow", "was cancelled: by anna: too slow"),
        ("ready", "out of luck", "is ready: no master of this machine works in this run"),
        ("running", "", "is running on lab1: no master of this machine works in this run"),
    ],
)
def test_without_a_cause_it_is_how_the_job_stands(state: str, note: str, says: str) -> None:
    found = as_json({**told(state, note), "worker": "lab1"}, has_master=False)
    assert found["says"] == says
    goes_on = "the same command as before, which goes on with it"
    assert found["changes"] == (goes_on if state in ("ready", "running") else "")


def test_one_that_runs_tells_how_far_it_is_and_when_it_ends_by_that() -> None:
    hour = 3600.0
    said = {"epoch": 3.0, "epochs": 12.0, "metrics": {"val_f1": 0.5}, "attempt": 1, "worker": "lab1"}
    runs = {**told("running", cause=Cause(Why.RUNS, "lab1", since=hour)), "at": 2 * hour}
    found = as_json({**runs, "progress": {**said, "at": 2 * hour}}, has_master=True)
    says = as_published("why", json.dumps(found))["says"]
    assert says.startswith("runs on lab1 since ") and says.endswith(": epoch 3/12, val_f1 0.5000")
    end = sentence(Cause(Why.RUNS, "lab1", since=hour, until=5 * hour), 2 * hour)
    assert says == f"{end}: epoch 3/12, val_f1 0.5000"
    assert as_json({**runs, "progress": None}, has_master=True)["says"].startswith("runs on lab1 since ")
    with pytest.raises(TwophaseError, match="the master says what cannot be"):
        as_json({**runs, "progress": {"epoch": "x"}}, has_master=True)


def test_a_master_that_says_what_cannot_be_is_told() -> None:
    strange = {**told("ready"), "cause": {"why": "no idea"}}
    with pytest.raises(TwophaseError, match="the master says what cannot be"):
        as_json(strange, has_master=True)


def test_without_a_master_the_journal_tells(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lr=0.1", "--run", str(run)]) == 0
    says, changes = capsys.readouterr().out.splitlines()
    assert says == "alpha/lr=0.1 has failed: out of luck"
    again = "the same command as before, which tries again what failed"
    assert changes == f"what would change it: {again}; twophase logs alpha/lr=0.1 --run {run}"
    assert main(["alpha/plain", "--run", str(run), "--json"]) == 0
    printed = as_published("why", capsys.readouterr().out)
    assert printed["state"] == "running" and printed["asked"] is False


def test_a_failure_is_told_with_the_end_of_its_log(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = RunLayout(run)
    ended = finished(exit_code=1, stderr_tail="Traceback\n  x\nValueError: lr is too large\n\n")
    with closing(Journal(layout.journal)) as journal:
        journal.append(
            [moved(12.0, "alpha/lr=0.1", Trigger.FAIL, State.FAILED, note="exit code 1", finished=ended)]
        )
    monkeypatch.chdir(run)
    with listening(layout):
        assert main(["lr=1e-1", "--json"]) == 0
    printed = as_published("why", capsys.readouterr().out)
    assert printed["says"] == "has failed: exit code 1 (ValueError: lr is too large)"
    assert printed["changes"] == "twophase retry alpha/lr=0.1; twophase logs alpha/lr=0.1"


def test_what_was_pruned_tells_how_it_goes_on(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, note = RunLayout(run), "loss 0.9 at epoch 3 is not among the best 1 of 3"
    with closing(Journal(layout.journal)) as journal:
        journal.append([moved(12.0, "alpha/lr=0.1", Trigger.SHELVE, State.PRUNED, note=note)])
    monkeypatch.chdir(run)
    assert main(["lr=1e-1", "--json"]) == 0
    printed = as_published("why", capsys.readouterr().out)
    assert (printed["state"], printed["says"]) == ("pruned", f"was pruned: {note}")
    without = "the same command as before without `prune` in its jobs file"
    assert printed["changes"] == f"{without}, which lets it go on to its end"
    with listening(layout):
        assert main(["lr=1e-1", "--json"]) == 0
    printed = as_published("why", capsys.readouterr().out)
    assert printed["changes"] == "twophase retry alpha/lr=0.1, which lets it go on to its end"


def test_the_end_of_a_log_that_is_the_reason_is_said_once() -> None:
    shown = {"says": "has failed: ValueError: x"}
    assert with_log(shown, "ValueError: x", "retry")["says"] == "has failed: ValueError: x"


def test_a_job_that_is_not_there_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alpha/nope", "--run", str(run)]) == 2
    assert "no job" in capsys.readouterr().err
