"""Runs whose jobs are ended by a limit or by the user, and go on from what they left, elsewhere."""

from __future__ import annotations

import json
import select
import time
from pathlib import Path

import pytest

from master.core.running.lifecycle import State, Trigger
from master.storage.checkpoint_store import kept_checkpoints
from tests.support.runs import SCRIPTS, Run, interrupt_twice

RESUMABLE = SCRIPTS / "train_resumable.py"
JOBS = {"base_model": False}


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def workers(root: Path, count: int) -> list[dict[str, object]]:
    """Return workers on this machine, each with a state directory of its own; only their ports differ."""
    return [
        {
            **{"host": "localhost", "port": number, "gpus": 0, "cpu_slots": number},
            "state_dir": str(root / f"state{number}"),
        }
        for number in range(1, count + 1)
    ]


def resumable(root: Path, servers: list[dict[str, object]], **fields: object) -> Run:
    run = Run(root, servers, [], script=RESUMABLE)
    run.write("jobs.json", {**JOBS, "jobs": [fields]})
    return run


def wait_for_log(state_dir: Path) -> None:
    """Wait until the only job has said something: from then on it can be told to end."""
    deadline = time.monotonic() + 60.0
    while not any(path.stat().st_size for path in state_dir.rglob("log.txt")):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def done_in(run: Run) -> list[str]:
    (metrics,) = run.layout.experiments.rglob("metrics.json")
    return list(json.loads(metrics.read_text())["done"])


def test_a_job_that_reached_its_limit_goes_on_on_another_worker(tmp_path: Path) -> None:
    servers = workers(tmp_path, 2)
    run = resumable(tmp_path, servers, epochs=40, epoch_seconds=0.1, timeout="3s")
    done = run.finish("--retries", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "timeout: stopped after 3 s, its time limit" in done.stdout + done.stderr
    started = [item for item in run.transitions() if item.trigger is Trigger.START]
    assert len({item.worker for item in started}) == 2
    epochs = done_in(run)
    assert len(epochs) == 40 and [line.split()[1] for line in epochs] == [str(n) for n in range(40)]
    assert {line.split()[-1] for line in epochs} >= {"1", "2"}
    log = run.layout.log(started[1].job_id, 2).read_text()
    assert log.startswith("goes on after epoch ")
    assert not list(kept_checkpoints(run.layout))


def test_a_cancelled_job_goes_on_when_the_command_is_given_again(tmp_path: Path) -> None:
    first, second = workers(tmp_path, 2)
    run = resumable(tmp_path, [first], epochs=20, epoch_seconds=0.1)
    master = run.start()
    assert master.stdout is not None
    for _line in master.stdout:
        if run.count(Trigger.START):
            break
    assert list(run.count(Trigger.START).values()) == [1]
    wait_for_log(tmp_path / "state1")
    interrupt_twice(master)
    (kept,) = kept_checkpoints(run.layout)
    job_id = kept.job_id
    assert kept.attempt == 1 and (kept.path / "state" / "epoch.json").exists()
    assert run.states()[job_id] is State.CANCELLED
    run.write("cluster.json", {"servers": [second]})
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.layout.log(job_id, 2).read_text().startswith("goes on after epoch ")
    assert {line.split()[-1] for line in done_in(run)} == {"1", "2"}
    assert not list(kept_checkpoints(run.layout))


def test_a_job_that_says_nothing_is_stalled(tmp_path: Path) -> None:
    run = resumable(tmp_path, workers(tmp_path, 1), epochs=1, epoch_seconds=600)
    done = run.finish("--stall-timeout", "3s", "--retries", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "stalled: no log line and no progress for 3 s" in done.stdout + done.stderr
    (kept,) = kept_checkpoints(run.layout)
    assert kept.attempt == 1 and json.loads((kept.path / "state" / "epoch.json").read_text()) == {"done": []}
