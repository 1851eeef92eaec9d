"""A search on this machine: jobs are ended early, promoted from their checkpoints, let go on by hand."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from master.core.running.commands import Measured
from master.core.running.lifecycle import State, Trigger
from tests.integration.agent_harness import until
from tests.support.runs import Run

SCRIPT = """\
import argparse, json, os, time
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--loss", type=float), parser.add_argument("--epochs", type=int)
job = parser.parse_args()
kept, progress = Path(os.environ["TWOPHASE_CHECKPOINT_DIR"], "epoch"), os.environ["TWOPHASE_PROGRESS_FILE"]
first = int(kept.read_text()) if kept.exists() else 0
Path(os.environ["TWOPHASE_OUTPUT_DIR"], "first.txt").write_text(str(first))
for epoch in range(first + 1, job.epochs + 1):
    time.sleep(0.1)
    kept.write_text(str(epoch))
    with open(progress, "a") as stream:
        told = {"epoch": epoch, "epochs": job.epochs, "metrics": {"loss": job.loss + 1 / epoch}}
        stream.write(json.dumps(told) + "\\n")
if job.loss == 1.0:
    raise SystemExit("the best fails at its end")
"""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def search(root: Path, losses: list[float], **prune: object) -> Run:
    script = root / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    where = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(root / "state")}
    run = Run(root, [where], [], script=script)
    rule = {"by": "asha", "metric": "loss", "min": 5, "eta": 2, **prune}
    jobs = {"defaults": {"epochs": 60}, "base_model": False, "grid": {"loss": losses}}
    run.write("jobs.json", {**jobs, "prune": rule})
    return run


def ended(run: Run) -> dict[str, State]:
    return {job_id.rpartition("=")[2].removesuffix(".0"): state for job_id, state in run.states().items()}


def decisions(run: Run) -> list[tuple[str, Measured | None]]:
    """Return who was told to end, and at which mark."""
    return [(item.job_id, item.measured) for item in run.transitions() if item.trigger is Trigger.PRUNE]


def test_one_that_was_pruned_goes_on_from_its_checkpoint_when_the_best_fails(tmp_path: Path) -> None:
    run = search(tmp_path, [1.0, 2.0, 3.0])
    done = run.finish("--retries", "0")
    assert done.returncode == 1, "the best failed, and nobody else did"
    assert ended(run) == {"1": State.FAILED, "2": State.SUCCEEDED, "3": State.PRUNED}
    journal = run.transitions()
    assert [item.job_id for item in journal if item.trigger is Trigger.PROMOTE] == ["alpha/loss=2.0"]
    first = int((run.layout.result("alpha/loss=2.0") / "first.txt").read_text())
    assert 5 <= first < 60, "from the epoch where it was ended"


def test_a_killed_master_goes_on_with_the_same_decisions(tmp_path: Path) -> None:
    run = search(tmp_path, [2.0, 3.0, 4.0, 5.0])
    master = run.start()
    try:
        until(lambda: bool(run.count(Trigger.SHELVE)))
    finally:
        os.killpg(master.pid, signal.SIGKILL)
        master.communicate()
    before = decisions(run)
    assert run.finish().returncode == 0
    after = decisions(run)
    assert after[: len(before)] == before and len(set(after)) == len(after), "nothing is decided twice"
    assert set(run.count(Trigger.COLLECT).values()) == {1}
    assert {State.PRUNED, State.SUCCEEDED} == set(ended(run).values()) and ended(run)["2"] is State.SUCCEEDED


def test_what_is_pruned_fails_nothing_and_is_no_more_so_without_prune(tmp_path: Path) -> None:
    run = search(tmp_path, [2.0, 3.0])
    done = run.finish()
    assert done.returncode == 0, done.stdout
    assert ended(run) == {"2": State.SUCCEEDED, "3": State.PRUNED}
    assert "1 of 2 experiments succeeded, 1 pruned" in done.stdout
    assert run.finish().returncode == 0 and ended(run)["3"] is State.PRUNED, "the same command leaves it so"
    run.write("jobs.json", {"defaults": {"epochs": 60}, "base_model": False, "grid": {"loss": [2.0, 3.0]}})
    assert run.finish().returncode == 0
    assert ended(run) == {"2": State.SUCCEEDED, "3": State.SUCCEEDED}
    assert int((run.layout.result("alpha/loss=3.0") / "first.txt").read_text()) >= 5


def test_jobs_that_report_something_else_run_to_their_ends_and_that_is_said(tmp_path: Path) -> None:
    run = search(tmp_path, [2.0, 3.0], metric="val_loss")
    done = run.finish()
    assert done.returncode == 0 and set(ended(run).values()) == {State.SUCCEEDED}
    assert "could not be pruned, never having told of `val_loss`: it reports `loss`" in done.stderr
