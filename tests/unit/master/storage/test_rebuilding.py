"""What has succeeded is read from the results, where the journal does not know it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from master.core.planning.plan import Job, Plan
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.recovery import recover
from master.storage.journal import Journal
from master.storage.journal_reading import read_transitions
from master.storage.rebuilding import EPOCH_GAP, Published, forgotten, published, rebuild, remember, told_of
from master.storage.run_layout import RunLayout
from tests.support.endings import finished
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import Finished, Outcome


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path)


def publish(layout: RunLayout, at: str, **more: object) -> str:
    """Write a result with its record; return its content hash."""
    folder = layout.result(at)
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text("{}")
    found = content_hash(digest_directory(folder))
    record = {
        "job_id": at,
        "run_id": "r1",
        "epoch": 3,
        "attempt": 2,
        "worker": "lab1",
        "parameters": {"lr": 1},
        "content_hash": found,
        **more,
    }
    (folder / "job.json").write_text(json.dumps(record))
    return found


def state_of(journal: Journal, *job_ids: str) -> RunState:
    plan = Plan(tuple(Job(job_id, 2) for job_id in job_ids), {})
    return recover(plan, Policy(), ["lab1"], journal.transitions())


def test_what_is_published_counts_again(layout: RunLayout) -> None:
    found = publish(layout, "alpha/a")
    publish(layout, "alpha/b", run_id="another")
    with closing(Journal(layout.journal, "r1")) as journal:
        results = forgotten(state_of(journal, "alpha/a", "alpha/b", "alpha/c"), layout, "r1")
        assert results == [Published("alpha/a", 2, 3, "r1", "lab1", found)]
        remember(journal, results, 7.0)
        state = state_of(journal, "alpha/a", "alpha/b")
        record = state.jobs["alpha/a"]
        assert (record.state, record.attempts, record.content_hash) == (State.SUCCEEDED, 2, found)
        assert state.jobs["alpha/b"].state is State.PENDING
        assert forgotten(state, layout, "r1") == []
    assert "1 result of this run" in told_of(results)


def test_a_master_that_was_killed_while_it_collected_has_forgotten_nothing(layout: RunLayout) -> None:
    publish(layout, "alpha/a")
    state = RunState.fresh(Plan((Job("alpha/a", 2),), {}), Policy(), ["lab1"])
    assert [result.job_id for result in forgotten(state, layout, "r1")] == ["alpha/a"]
    made = digest_directory(layout.result("alpha/a"))
    record = state.jobs["alpha/a"]
    record.state, record.worker, record.attempt = State.COLLECTING, "lab1", 2
    record.finished = Finished(Outcome.SUCCEEDED, files=[file for file in made if file.path != "job.json"])
    record.note_success()
    assert forgotten(state, layout, "r1") == []


def test_a_result_of_an_attempt_that_the_journal_does_not_know_counts_though_another_is_collected(
    layout: RunLayout,
) -> None:
    publish(layout, "alpha/a")
    state = RunState.fresh(Plan((Job("alpha/a", 2),), {}), Policy(), ["lab1"])
    record = state.jobs["alpha/a"]
    record.state, record.worker, record.attempt, record.finished = State.COLLECTING, "lab1", 1, finished()
    record.note_success()
    assert [result.attempt for result in forgotten(state, layout, "r1")] == [2]


@pytest.mark.parametrize(
    "more",
    [
        {"content_hash": "0" * 64},
        {"attempt": "2"},
        {"epoch": None},
        {"job_id": "alpha/other"},
        {"parameters": None},
        {"attempt": True},
    ],
)
def test_a_result_that_is_not_what_it_says_does_not_count(layout: RunLayout, more: dict[str, object]) -> None:
    publish(layout, "alpha/a", **more)
    assert list(published(layout, ["alpha/a", "alpha/none"])) == []


def test_a_file_that_was_changed_is_noticed(layout: RunLayout) -> None:
    publish(layout, "alpha/a")
    (layout.result("alpha/a") / "metrics.json").write_text("{ }")
    assert list(published(layout, ["alpha/a"])) == []


def test_a_lost_journal_gets_the_name_of_the_run_and_an_epoch_that_none_refuses(
    layout: RunLayout,
) -> None:
    publish(layout, "alpha/a")
    publish(layout, "alpha/b", epoch=7)
    assert rebuild(layout) == ["there is no journal", "2 results say what made them, 2 of them run r1"]
    with closing(Journal(layout.journal)) as journal:
        assert journal.run_id == "r1" and journal.new_epoch() > 7 + EPOCH_GAP


def test_a_damaged_journal_is_kept_under_another_name(layout: RunLayout) -> None:
    publish(layout, "alpha/a")
    layout.state.mkdir()
    layout.journal.write_bytes(b"x" * 4096)
    first, _ = rebuild(layout)
    (aside,) = layout.state.glob("journal.sqlite.damaged-*")
    assert str(aside) in first and aside.read_bytes() == b"x" * 4096
    assert read_transitions(layout.journal) == []


def test_a_journal_that_can_be_read_stays(layout: RunLayout) -> None:
    with closing(Journal(layout.journal)) as journal:
        run_id, epoch = journal.run_id, journal.new_epoch()
    assert rebuild(layout)[1] == "0 results say what made them"
    with closing(Journal(layout.journal)) as journal:
        assert journal.run_id == run_id and journal.new_epoch() > epoch + EPOCH_GAP
