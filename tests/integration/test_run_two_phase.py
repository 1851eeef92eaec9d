"""The whole path on this machine: real agents, real subprocesses, no SSH."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.lifecycle import State, Trigger
from tests.support.runs import SCRIPTS, Run, interrupt_twice, search


@pytest.fixture
def local(tmp_path: Path) -> dict[str, object]:
    """A worker on this machine, with a state directory and slot locks of its own."""
    return {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "state")}


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def test_search_trains_each_base_model_once(tmp_path: Path, local: dict[str, object]) -> None:
    run = Run(tmp_path, [local], search())
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    assert run.count(Trigger.ASSIGN) == run.count(Trigger.COLLECT)
    phase1 = json.loads(run.layout.phase1_log.read_text())
    phase2 = json.loads(run.layout.phase2_log.read_text())
    assert (phase1["total_jobs"], phase1["successful_jobs"], phase1["failed_jobs"]) == (3, 3, 0)
    assert (phase2["total_jobs"], phase2["successful_jobs"], phase2["failed_jobs"]) == (15, 15, 0)


def test_same_command_again_runs_nothing(tmp_path: Path, local: dict[str, object]) -> None:
    run = Run(tmp_path, [local], search())
    assert run.finish().returncode == 0
    again = run.finish()
    assert again.returncode == 0, again.stdout + again.stderr
    run.check_complete(jobs=15, base_models=3)
    assert set(run.count(Trigger.ASSIGN).values()) == {1}
    shutil.rmtree(run.layout.result("batch_comp_50/fold0_anna"))
    done = run.finish()
    assert done.returncode == 0
    assert "batch_comp_50/fold0_anna succeeded earlier and its result is gone" in done.stderr


def test_a_result_that_came_home_as_its_lease_ended_and_the_master_died_is_recorded_once(
    tmp_path: Path, local: dict[str, object]
) -> None:
    run = Run(tmp_path, [local], search(folds=1))
    assert run.finish().returncode == 0
    (first, second) = ("batch_comp_10/fold0_anna", "batch_comp_25/fold0_anna")
    made = {name: (run.layout.result(name) / "metrics.json").stat().st_mtime_ns for name in (first, second)}
    with closing(sqlite3.connect(run.layout.journal)) as db, db:
        collected = "trigger_ = 'collect' AND task_id IN (?, ?)"
        db.execute(
            f"UPDATE transitions SET trigger_ = 'lose', state = 'ready', content_hash = '' WHERE {collected}",
            (first, second),
        )
        again = "SELECT at, task_id, 'assign', 'assigned', 2, worker, '', NULL, '' FROM transitions"
        columns = "at, task_id, trigger_, state, attempt, worker, note, detail, content_hash"
        db.execute(
            f"INSERT INTO transitions ({columns}) {again} WHERE task_id = ? AND trigger_ = 'lose'", (second,)
        )
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=5, base_models=1)
    assert run.count(Trigger.ASSIGN)[first] == 1
    assert made == {name: (run.layout.result(name) / "metrics.json").stat().st_mtime_ns for name in made}


def test_script_written_without_us_runs_unchanged(tmp_path: Path, local: dict[str, object]) -> None:
    jobs = search(lr=0.001, batch_size=32, use_augmentation=True, magnitude_range=[0.9, 1.1])
    run = Run(tmp_path, [local], jobs, script=SCRIPTS / "train_legacy.py")
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    metrics = json.loads(
        (run.layout.experiments / "batch_comp_25" / "fold1_bert" / "metrics.json").read_text()
    )
    assert metrics["from"] == "weights of anna carl dora"


def test_failed_base_model_blocks_only_its_own_jobs(tmp_path: Path, local: dict[str, object]) -> None:
    jobs = [*search(folds=1), *search(folds=1, lr="not a number")]
    for job in jobs[5:]:
        job["prefix"] = "broken_" + job["prefix"]
    run = Run(tmp_path, [local], jobs)
    done = run.finish("--retries", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    states = list(run.states().values())
    assert states.count(State.SUCCEEDED) == 6
    assert states.count(State.BLOCKED) == 5
    assert states.count(State.FAILED) == 1
    assert "invalid float value" in done.stdout + done.stderr


@pytest.mark.parametrize("phase", ["phase 1", "phase 2"])
def test_killed_master_resumes(tmp_path: Path, local: dict[str, object], phase: str) -> None:
    slow = {"base_seconds": 1.0} if phase == "phase 1" else {"seconds": 0.5}
    run = Run(tmp_path, [local], search(**slow))
    master = run.start()
    assert master.stdout is not None
    wanted = Trigger.START if phase == "phase 1" else Trigger.COLLECT
    for _line in master.stdout:
        started = run.count(wanted) if run.layout.journal.exists() else {}
        if len(started) >= (1 if phase == "phase 1" else 6):
            break
    master.kill()
    master.communicate()
    before = run.count(Trigger.COLLECT)
    assert len(before) < 18
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    assert set(run.count(Trigger.ASSIGN).values()) == {1}, "attempts still running were not adopted"


def test_first_interrupt_lets_running_jobs_finish(tmp_path: Path, local: dict[str, object]) -> None:
    run = Run(tmp_path, [local], search(seconds=0.7))
    master = run.start()
    assert master.stdout is not None
    for _line in master.stdout:
        if run.layout.journal.exists() and len(run.count(Trigger.COLLECT)) >= 4:
            break
    master.send_signal(signal.SIGINT)
    rest, _ = master.communicate(timeout=60)
    assert master.returncode == 130, rest
    states = list(run.states().values())
    assert State.RUNNING not in states and State.CANCELLED not in states
    assert State.READY in states or State.PENDING in states
    assert run.finish().returncode == 0
    run.check_complete(jobs=15, base_models=3)


def test_second_interrupt_cancels_and_confirms(tmp_path: Path, local: dict[str, object]) -> None:
    run = Run(tmp_path, [local], search(seconds=60))
    master = run.start()
    assert master.stdout is not None
    for _line in master.stdout:
        if run.layout.journal.exists() and len(run.count(Trigger.START)) >= 5:
            break
    interrupt_twice(master)
    assert list(run.states().values()).count(State.CANCELLED) == 2


def said_after_damage(run: Run, *copies: Path) -> str:
    """Damage copies of the base model, have one more job use it, and return what the run says."""
    for path in copies:
        path.chmod(0o644)
        path.write_text("garbage")
    jobs = search(folds=1)
    jobs[0]["prefix"] = "another"
    run.write("jobs.json", jobs)
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_damaged_base_model_is_set_aside_and_fetched_from_a_worker_that_has_it(
    tmp_path: Path, local: dict[str, object]
) -> None:
    run = Run(tmp_path, [local], search(folds=1))
    assert run.finish().returncode == 0
    model = next(run.layout.base_models.glob("*/best_base_model.pt"))
    said = said_after_damage(run, model)
    assert len(list((run.layout.state / "set_aside").iterdir())) == 1
    assert "weight" in json.loads(model.read_text())
    assert "it is fetched from a worker that has it whole, or trained again" in said
    assert "fetched anew from localhost" in said
    assert sum(job.startswith("base_models/") for job in run.count(Trigger.ASSIGN)) == 1


def test_damaged_base_model_that_no_worker_has_is_trained_again(
    tmp_path: Path, local: dict[str, object]
) -> None:
    run = Run(tmp_path, [local], search(folds=1))
    assert run.finish().returncode == 0
    model = next(run.layout.base_models.glob("*/best_base_model.pt"))
    said = said_after_damage(run, model, *Path(str(local["state_dir"])).rglob(model.name))
    assert "it is trained again" in said
    assert "weight" in json.loads(model.read_text())


def test_results_of_others_are_never_written_over(tmp_path: Path, local: dict[str, object]) -> None:
    run = Run(tmp_path, [local], search(folds=1))
    precious = run.layout.result("batch_comp_50/fold0_anna") / "metrics.json"
    precious.parent.mkdir(parents=True)
    precious.write_text("precious")
    done = run.finish()
    assert done.returncode == 3
    assert "exists and is not from this run" in done.stderr
    assert precious.read_text() == "precious"
    assert not run.layout.state.exists()


def test_no_usable_worker(tmp_path: Path, local: dict[str, object]) -> None:
    run = Run(tmp_path, [{**local, "python": "/no/such/python"}], search(folds=1))
    done = run.finish()
    assert done.returncode == 4, done.stdout + done.stderr
    assert "/no/such/python" in done.stdout + done.stderr


def test_a_run_whose_jobs_all_fail_alike_halts_and_goes_on_when_that_is_mended(
    tmp_path: Path, local: dict[str, object]
) -> None:
    script = tmp_path / "code" / "train.py"
    script.parent.mkdir()
    script.write_text("import os, sys\nsys.exit(f'no labels in {os.getcwd()}')\n")
    jobs = {"grid": {"seed": list(range(12))}, "base_model": False}
    run = Run(tmp_path, [local], jobs, script=script)
    done = run.finish("--max-failures", "3", "--retries", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    reason = "3 jobs failed alike and none succeeded in between (exit code 1: no labels in …)"
    assert done.stderr.count(reason) == 1
    assert done.stdout.count("no labels in") == 1
    states = list(run.states().values())
    assert states.count(State.READY) >= 7 and states.count(State.FAILED) >= 3
    script.write_text("open('done.txt', 'w').write('done')\n")
    again = run.finish("--code", "new")
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_wrong_flag_and_a_missing_module_are_not_tried_again(
    tmp_path: Path, local: dict[str, object]
) -> None:
    script = tmp_path / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(
        "import argparse\nparser = argparse.ArgumentParser()\nnames = ['--lr', '--module']\n"
        "for name in names:\n    parser.add_argument(name)\n__import__(parser.parse_args().module)\n"
    )  # what it takes can only be seen as it runs
    jobs = [{"id": "flag", "learning_rate": 1}, {"id": "module", "module": "nowhere_to_be_found"}]
    run = Run(tmp_path, [local], {"jobs": jobs, "base_model": False}, script=script)
    done = run.finish("--retries", "3")
    assert done.returncode == 1, done.stdout + done.stderr
    assert run.count(Trigger.ASSIGN) == {"alpha/flag": 1, "alpha/module": 1}
    assert "no module nowhere_to_be_found in the worker's Python" in done.stdout
    assert "the script does not take its flags: train.py: error: unrecognized arguments" in done.stdout
