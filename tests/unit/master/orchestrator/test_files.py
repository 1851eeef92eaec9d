"""Where things are written, what a job is shown, and the summary."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from master.core.planning.plan import Plan, Task
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.records import Policy, RunState
from master.orchestrator.arguments import Passed
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.project import (
    MOST_LINKS,
    Project,
    Shown,
    entries_beside,
    root_of,
    show,
    with_place_checked,
)
from master.orchestrator.publishing import Publisher, publish, publish_leftovers
from master.orchestrator.run_files import TrainingFiles, new_stamp
from master.orchestrator.summary_file import (
    JobReport,
    expected_seconds,
    final_exit_code,
    git_commit,
    job_report,
    write_summary,
)
from master.runs.notices import Notices, Refreshed, Transitions
from tests.support.endings import finished
from tests.unit.master.orchestrator.conftest import Write

STAMP = "20250301_100000"


@pytest.fixture
def files(tmp_path: Path) -> TrainingFiles:
    outputs = {"train_a": "a_results", "train_b": "deep/b"}
    return TrainingFiles(tmp_path / "results", tmp_path / "logs", tmp_path / "summaries", STAMP, outputs)


def test_logs_are_named_by_job_start_and_try(files: TrainingFiles, tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "train_a"
    assert files.log("train_a", 1) == folder / f"run_{STAMP}.log"
    assert files.log("train_a", 2) == folder / f"run_{STAMP}_try2.log"


def test_a_stamp_is_never_given_twice(tmp_path: Path) -> None:
    now = time.mktime((2025, 3, 1, 10, 0, 0, 0, 0, -1))
    assert new_stamp(tmp_path, now) == STAMP
    TrainingFiles(tmp_path, summary_dir=tmp_path, stamp=STAMP).summary.touch()
    assert new_stamp(tmp_path, now) == f"{STAMP}_2"


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


# --- what a job sees


def test_what_is_no_code_is_shown_beside_it(tmp_path: Path, write: Write) -> None:
    for name in ("train_a.py", "src/model.py", "src/weights.bin", "data/x.csv", "src/__pycache__/m.pyc"):
        write(name, text="x")
    code = [Path("train_a.py"), Path("src/model.py")]
    assert entries_beside(tmp_path, code, [tmp_path / "gone"]) == [Path("data"), Path("src/weights.bin")]
    assert entries_beside(tmp_path, code, [tmp_path / "data"]) == [Path("src/weights.bin")]


def test_a_folder_with_very_many_files_beside_its_code_is_shown_as_it_is(
    tmp_path: Path, write: Write
) -> None:
    write("data/readme.py", text="")
    for number in range(MOST_LINKS + 1):
        write(f"data/{number}", text="")
    assert entries_beside(tmp_path, [Path("data/readme.py")], []) == [Path("data")]


def test_a_snapshot_and_what_lies_beside_it(tmp_path: Path, write: Write, files: TrainingFiles) -> None:
    write("train_a.py")
    with (tmp_path / "big.csv").open("wb") as stream:
        stream.truncate(11 * 2**20)
    (files.root / "a_results").mkdir(parents=True)
    project = Project(tmp_path, (Path("train_a.py"),))
    shown = show(project, files.code, files.own_folders, in_place=False)
    assert shown.snapshot and [path.name for path in shown.snapshot.iterdir()] == ["train_a.py"]
    here = {mount.at: mount.path for mount in shown.mounts(local=True)}
    assert here == {"": None, "big.csv": str(tmp_path / "big.csv")}
    assert [mount.at for mount in shown.mounts(local=False)] == [""]
    (tmp_path / "big.csv").unlink()
    assert [mount.at for mount in shown.mounts(local=True)] == [""]


def test_in_place_the_project_itself_is_shown(tmp_path: Path, files: TrainingFiles) -> None:
    shown = show(Project(tmp_path, ()), files.code, (), in_place=True)
    assert shown == Shown(tmp_path)
    assert [mount.path for mount in shown.mounts(local=True)] == [str(tmp_path)]
    assert not files.code.exists()


def test_a_script_belongs_to_the_current_directory_or_its_root_or_its_folder() -> None:
    here, roots = Path("/p"), [Path("/q/deep"), Path("/q")]
    assert root_of(Path("/p/a/train.py"), here, roots) == Path("/p")
    assert root_of(Path("/q/deep/train.py"), here, roots) == Path("/q/deep")
    assert root_of(Path("/r/x/train.py"), here, roots) == Path("/r/x")


# --- the summary


def state_of(**states: State) -> RunState:
    plan = Plan(tuple(Task(job_id, phase=2) for job_id in states), {})
    state = RunState.fresh(plan, Policy(), ["localhost"])
    for job_id, value in states.items():
        record = state.tasks[job_id]
        record.state, record.attempt, record.attempts, record.worker = value, 5, 5, "localhost"
        record.content_hash = "0" * 64 if value is State.SUCCEEDED else ""
        record.finished = finished(exit_code=0, slot="cpu0", started_at=0.0, duration_s=2.5)
    return state


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.SUCCEEDED, "succeeded"),
        (State.FAILED, "failed"),
        (State.CANCELLED, "cancelled"),
        (State.READY, "not_run"),
        (State.ASSIGNED, "not_run"),
    ],
)
def test_every_state_has_a_status(files: TrainingFiles, state: State, status: str) -> None:
    job = TrainingJob("train_a", "a", Path("/p/train_a.py"), "a_results", {"epochs": "--epochs"})
    files.published("train_a").mkdir(parents=True)
    so_far = state_of(train_a=state)
    so_far.retired["train_a"] = 3
    report = job_report(job, so_far, Passed(epochs=2), files, Path("/p"))
    assert (report.status, report.attempts) == (status, 2)
    assert report.command == "python train_a.py --epochs 2"
    assert (report.start_time, report.end_time) == (
        "1970-01-01T00:00:00.000+00:00",
        "1970-01-01T00:00:02.500+00:00",
    )
    assert (report.output is not None) is (state is State.SUCCEEDED)


def test_a_job_that_cannot_run_is_invalid_whatever_the_others_do(files: TrainingFiles) -> None:
    job = TrainingJob("train_a", "a", Path("/p/train_a.py"), "a_results", problem="line 3")
    report = job_report(job, None, Passed(), files, Path("/p"))
    assert (report.status, report.error, report.attempts) == ("invalid", "line 3", 0)


def report_of(status: str, *, optional: bool = False) -> JobReport:
    nothing = dict.fromkeys(JobReport.__dataclass_fields__)
    return JobReport(**{**nothing, "status": status, "optional": optional})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dispatched", "reports", "partial", "code"),
    [
        (0, [("succeeded", False)], False, 0),
        (1, [("succeeded", False), ("failed", False)], False, 1),
        (1, [("succeeded", False), ("failed", True)], False, 0),
        (1, [("succeeded", False), ("failed", False)], True, 0),
        (1, [("failed", False)], True, 1),
        (0, [("succeeded", False), ("invalid", False)], False, 1),
        (0, [("succeeded", False), ("invalid", True)], False, 0),
        (130, [("succeeded", False)], True, 130),
        (4, [("not_run", True)], True, 4),
    ],
)
def test_the_exit_code(dispatched: int, reports: list[tuple[str, bool]], partial: bool, code: int) -> None:
    made = [report_of(status, optional=optional) for status, optional in reports]
    assert final_exit_code(dispatched, made, allow_partial=partial) == code


def test_durations_are_those_of_the_last_success(tmp_path: Path) -> None:
    for stamp, status, seconds in (("1", "succeeded", 5), ("2", "succeeded", 3), ("3", "failed", 9)):
        summary = {"jobs": [{"id": "train_a", "status": status, "duration_seconds": seconds}]}
        write_summary(tmp_path / f"training_summary_{stamp}.json", summary)
    (tmp_path / "training_summary_4.json").write_text("{")
    (tmp_path / "training_summary_5.json").write_text("[]")
    assert expected_seconds(tmp_path) == {"train_a": 3.0}
    assert json.loads((tmp_path / "training_summary_2.json").read_text())["jobs"]


def test_outside_of_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None


# --- following a run


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


def test_results_in_the_project_itself_are_no_part_of_it(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, outputs={"train_a": "a_results"}, stamp=STAMP)
    (tmp_path / "a_results.until_1").mkdir()
    assert {tmp_path / "a_results", tmp_path / "a_results.until_1"} <= set(files.own_folders)


def test_a_script_among_the_results_is_refused(tmp_path: Path) -> None:
    job = TrainingJob("a", "a", tmp_path / "experiments" / "train_a.py", "a_results")
    assert "move it elsewhere" in with_place_checked(job, tmp_path).problem
    assert with_place_checked(job, tmp_path / "experiments").problem == ""
