"""Results go to their final places, and earlier ones aside."""

from __future__ import annotations

from pathlib import Path

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.orchestrator.publishing import Publisher, publish, publish_leftovers
from master.orchestrator.run_files import TrainingFiles
from master.runs.notices import Notices, Refreshed, Transitions
from tests.unit.master.orchestrator.conftest import STAMP, state_of


def test_earlier_results_are_moved_aside_whole(files: TrainingFiles) -> None:
    for text in ("old", "new"):
        staged = files.result("train_a")
        staged.mkdir(parents=True)
        (staged / "model").write_text(text)
        final = files.published("train_a")
        assert publish(staged, final, files.superseded(final)) is (text == "new")
    assert (files.root / "a_results" / "model").read_text() == "new"
    assert (files.root / f"a_results.until_{STAMP}" / "model").read_text() == "old"


def test_what_a_killed_start_brought_home_is_published(files: TrainingFiles) -> None:
    for job_id in ("train_a", "train_b"):
        files.result(job_id).mkdir(parents=True)
    later = TrainingFiles(files.root, stamp="20250302_100000")
    assert sorted(publish_leftovers(later)) == [files.root / "a_results", files.root / "deep" / "b"]
    assert publish_leftovers(later) == []


def moved(trigger: Trigger, state: State, attempt: int = 1, content_hash: str = "") -> Transition:
    return Transition(0.0, "train_a", trigger, state, attempt, "localhost", content_hash=content_hash)


def test_the_current_log_is_the_live_one_and_then_the_one_at_home(
    files: TrainingFiles, tmp_path: Path
) -> None:
    live, state = tmp_path / "live.txt", state_of(train_a=State.RUNNING)
    live.write_text("so far")
    publisher = Publisher(files, [].append, lambda *_: live)
    Notices([publisher]).tell(Transitions([moved(Trigger.START, State.RUNNING, attempt=2)], state))
    assert files.current_log("train_a").read_text() == "so far"
    files.log("train_a", 2).write_text("all")
    publisher.close()
    assert files.current_log("train_a").read_text() == "all"
    files.log("train_a", 2).unlink()
    publisher.close()
    assert not files.current_log("train_a").is_symlink()


def test_each_attempt_is_told_with_how_many_there_may_be(files: TrainingFiles) -> None:
    said: list[str] = []
    publisher = Publisher(files, said.append, lambda *_: None, tries=2)
    for attempt in (4, 5, 6):
        publisher.transition(moved(Trigger.START, State.RUNNING, attempt=attempt))
    assert said == [
        "[train_a] Starting attempt 1/2",
        "[train_a] Starting attempt 2/2",
        "[train_a] Starting attempt 3/3",
    ]


def test_results_that_cannot_be_published_stay_and_stop_nothing(files: TrainingFiles) -> None:
    said: list[str] = []
    files.result("train_a").mkdir(parents=True)
    files.published("train_a").parent.mkdir(parents=True, exist_ok=True)
    blocked = TrainingFiles(files.root, files.logs_dir, stamp=STAMP, outputs={"train_a": "no/a"})
    blocked.result("train_a").mkdir()
    (files.root / "no").write_text("a file")
    publisher = Publisher(blocked, said.append, lambda *_: None)
    publisher.transition(moved(Trigger.COLLECT, State.SUCCEEDED, content_hash="x"))
    assert blocked.result("train_a").is_dir()
    assert said and "the results stay in" in said[0]


def test_waiting_for_slots_that_others_hold_is_said_once(files: TrainingFiles) -> None:
    said: list[str] = []
    state = state_of(train_a=State.READY)
    view = state.workers["localhost"]
    view.up, view.slots, view.held_by_others = True, 2, 2
    publisher = Publisher(files, said.append, lambda *_: None)
    for _ in range(3):
        Notices([publisher]).tell(Refreshed(state, 0.0))
    assert len(said) == 1 and "2 slots" in said[0]
