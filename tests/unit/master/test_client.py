"""The client for Python programs: what it asks of a master, and what it reads of its journal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master import client
from master.client import Addition, Client
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import By, Ordered
from master.errors import ConfigError, NoMaster, UsageError
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout

LAB = Addition("lab", ("lab/a", "lab/b"))
TOLD: Mapping[str, Any] = {
    "addition": "lab",
    "done": [{"name": "lab/b", "says": "is added"}],
    "refused": [{"name": "lab/a", "says": "is in this run already"}],
}


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(client.time, "sleep", found.append)
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(RunLayout(tmp_path).journal)) as found:
        found.remember_jobs({"ha": "lab/a", "hb": "lab/b"}, {"ha": {"lr": 1}, "hb": {"lr": 2}})
        yield found


def moved(job_id: str, trigger: Trigger, state: State, note: str = "") -> Transition:
    return Transition(1.0, job_id, trigger, state, 1, "w1", note)


def succeeded(job_id: str) -> Transition:
    return moved(job_id, Trigger.COLLECT, State.SUCCEEDED)


def test_jobs_are_submitted_with_whole_paths_and_those_that_are_there_are_of_the_addition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Mapping[str, Any]] = []
    monkeypatch.setattr(client, "add_jobs", lambda layout, request: asked.append(request) or TOLD)
    monkeypatch.chdir(tmp_path)
    found = Client(tmp_path).submit([{"lr": 1}, {"lr": 2}], script="train.py", why="more")
    assert found == Addition("lab", ("lab/b", "lab/a"))
    script = str((tmp_path / "train.py").resolve())
    assert asked == [{"jobs": [{"lr": 1}, {"lr": 2}], "script": script, "why": "more", "dry_run": False}]
    Client(tmp_path).submit([], module="lab.train")
    assert asked[1]["project_root"] == str(tmp_path.resolve())


def test_a_master_that_is_away_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    answers = iter([NoMaster("away"), NoMaster("away"), TOLD])

    def asked(layout: RunLayout, request: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = next(answers)
        if isinstance(answer, NoMaster):
            raise answer
        return answer

    monkeypatch.setattr(client, "add_jobs", asked)
    assert Client(tmp_path).submit([{"lr": 1}], trainer="sae").name == "lab"
    assert len(pauses) == 2


def test_for_so_long_only(tmp_path: Path) -> None:
    with pytest.raises(NoMaster, match="no master is running"):
        Client(tmp_path, patience_s=0.0).submit([{"lr": 1}], trainer="sae")


def test_what_is_wrong_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    def refused(layout: RunLayout, request: Mapping[str, Any]) -> Mapping[str, Any]:
        raise UsageError("--trainer: did you mean `sae`?")

    monkeypatch.setattr(client, "add_jobs", refused)
    with pytest.raises(UsageError, match="did you mean"):
        Client(tmp_path).submit([{"lr": 1}], trainer="sea")
    assert pauses == []


def test_each_job_is_told_once_it_has_ended(tmp_path: Path, journal: Journal) -> None:
    journal.append([moved("lab/b", Trigger.FAIL, State.FAILED, "exit code 1"), succeeded("other")])
    found = Client(tmp_path).as_completed(LAB)
    first = next(found)
    assert (first.job_id, first.state, first.note, first.parameters) == (
        *("lab/b", "failed", "exit code 1"),
        {"lr": 2},
    )
    folder = RunLayout(tmp_path).result("lab/a")
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({"f1": 0.5}))
    journal.append([succeeded("lab/a")])
    second = next(found)
    assert (second.job_id, second.metrics, second.folder) == ("lab/a", {"f1": 0.5}, folder)
    assert list(found) == []


def test_what_the_end_of_a_master_interrupted_has_not_ended(tmp_path: Path, journal: Journal) -> None:
    journal.append([moved("lab/a", Trigger.CANCEL, State.CANCELLED), succeeded("lab/b")])
    found = Client(tmp_path).as_completed(LAB, timeout_s=0.0)
    assert next(found).job_id == "lab/b"
    with pytest.raises(TimeoutError, match="1 of the jobs have not ended, such as lab/a"):
        next(found)


def test_what_failed_and_is_tried_again_has_not_ended(tmp_path: Path, journal: Journal) -> None:
    journal.append(
        [
            moved("lab/a", Trigger.FAIL, State.FAILED),
            moved("lab/a", Trigger.REVIVE, State.PENDING),
        ]
    )
    with pytest.raises(TimeoutError):
        list(Client(tmp_path).as_completed(["lab/a"], timeout_s=0.0))


def test_all_are_waited_for_and_told_in_their_order(tmp_path: Path, journal: Journal) -> None:
    journal.append([succeeded("lab/b"), moved("lab/a", Trigger.USER_CANCEL, State.CANCELLED, "by anna")])
    told = Client(tmp_path).wait(LAB)
    assert [(result.job_id, result.state) for result in told] == [
        ("lab/a", "cancelled"),
        ("lab/b", "succeeded"),
    ]


def test_results_tell_what_has_not_ended_too(tmp_path: Path, journal: Journal) -> None:
    assert [result.state for result in Client(tmp_path).results(LAB)] == ["pending", "pending"]
    assert Client(tmp_path).results([]) == []


def test_another_program_finds_an_addition_by_its_name(tmp_path: Path, journal: Journal) -> None:
    by = By(1, "anna", 1)
    parts = [
        AddJobs(name="lab", ids={"ha": "lab/a"}),
        AddJobs(name="x"),
        AddJobs(name="lab", ids={"ha": "lab/a", "hb": "lab/b"}),
    ]
    journal.append([], [Ordered(1.0, by, order) for order in parts])
    assert Client(tmp_path).addition("lab") == LAB
    with pytest.raises(UsageError, match="no addition is called 'labs'"):
        Client(tmp_path).addition("labs")


def test_what_is_no_job_is_not_waited_for(tmp_path: Path, journal: Journal) -> None:
    journal.append([succeeded("lab/a")])
    found = Client(tmp_path)
    for asked in (found.wait, found.results):
        with pytest.raises(UsageError, match="no job is called 'lab/c'"):
            asked(["lab/a", "lab/c"])
        with pytest.raises(UsageError, match=r"client.addition\('lab'\)"):
            asked("lab")


def test_a_job_of_which_only_the_order_is_remembered_is_waited_for(tmp_path: Path, journal: Journal) -> None:
    order = AddJobs(text="[]", ids={"hc": "lab/c"}, name="lab")
    journal.append([succeeded("lab/a")], [Ordered(1.0, By(1000, "anna", 1), order)])
    (found,) = Client(tmp_path).results(["lab/c"])
    assert found.state == "pending"


def test_a_journal_that_cannot_be_read_as_its_master_ends_is_read_again(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    journal.append([succeeded("lab/a"), succeeded("lab/b")])
    news, problems = client.JournalFollower.news, [ConfigError("journal.sqlite", "", "no such file")] * 2

    def fails_at_first(follower: client.JournalFollower, since: int) -> Any:
        if problems:
            raise problems.pop()
        return news(follower, since)

    monkeypatch.setattr(client.JournalFollower, "news", fails_at_first)
    assert [result.job_id for result in Client(tmp_path).as_completed(LAB)] == ["lab/a", "lab/b"]
    assert len(pauses) == 2


def test_one_that_stays_so_is_told(tmp_path: Path, pauses: list[float]) -> None:
    RunLayout(tmp_path).journal.parent.mkdir(parents=True)
    RunLayout(tmp_path).journal.write_text("no journal " * 100)
    with pytest.raises(ConfigError, match="journal"):
        Client(tmp_path).wait(LAB)
    assert pauses and sum(pauses) < 10
