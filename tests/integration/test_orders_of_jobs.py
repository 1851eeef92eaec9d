"""Real runs whose jobs are cancelled, retried and added while they go on."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from master.core.running.lifecycle import State, Trigger
from master.storage.journal_reading import read_orders
from tests.integration.agent_harness import until
from tests.integration.ssh_place import Place, is_running
from tests.support.runs import Run, going_on, verb

SCRIPT = """
import argparse, os, time
from pathlib import Path
parser = argparse.ArgumentParser()
for name in ("--gate", "--width", "--mode"):
    parser.add_argument(name)
job = parser.parse_args()
if os.environ["TWOPHASE_PHASE"] == "1":
    Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.txt").write_text("model")
    raise SystemExit
gate, attempt = Path(job.gate), os.environ["TWOPHASE_ATTEMPT"]
gate.with_name(gate.name + "-pid" + attempt).write_text(str(os.getpid()))
print("waits", flush=True)
while not gate.exists():
    time.sleep(0.02)
Path(os.environ["TWOPHASE_OUTPUT_DIR"], "done.txt").write_text(attempt)
"""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def gated(root: Path, *names: str, server: dict[str, Any] | None = None, **cluster: str) -> Run:
    """A run of jobs that each wait for a file of their name."""
    script = root / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    where = {"gpus": 0, "cpu_slots": 2, "state_dir": str(root / "state")}
    run = Run(root, [{**where, **(server or {"host": "localhost"})}], [], script=script, cluster=cluster)
    rule = {"base_model": {"include": ["width"]}}
    run.write("jobs.json", {**rule, "jobs": [of(root, name) for name in names]})
    return run


def of(root: Path, name: str, width: int = 4) -> dict[str, Any]:
    return {"id": name, "gate": str(root / name), "width": width}


def is_in(run: Run, name: str, state: State) -> bool:
    return run.states().get(f"alpha/{name}") is state


def pid_of(run: Run, name: str, attempt: int = 1) -> int:
    return int((run.root / f"{name}-pid{attempt}").read_text() or 0)


def has_begun(run: Run, name: str, attempt: int = 1) -> bool:
    return (run.root / f"{name}-pid{attempt}").exists() and pid_of(run, name, attempt) > 0


def test_what_is_cancelled_stays_so_and_what_is_added_stays_in_the_run_when_its_master_is_killed(
    tmp_path: Path,
) -> None:
    run = gated(tmp_path, "one", "two", "three")
    run.write("more.json", [of(tmp_path, "four"), of(tmp_path, "five", width=8)])
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "one") and has_begun(run, "two"))
        verb(run, "set", "--at-once", "2")
        assert "was running on localhost" in verb(run, "cancel", "one", "--why", "diverges")
        assert "was cancelled already" in verb(run, "cancel", "one", code=1)
        until(lambda: not is_running(pid_of(run, "one")))
        added = verb(run, "add", str(tmp_path / "more.json"), "--why", "in between")
        assert "alpha/four: is added; it starts from base model" in added and "is trained first" in added
        os.killpg(master.pid, signal.SIGKILL)
    assert "no master is running on this run" in verb(run, "retry", "one", code=5)
    (tmp_path / "more.json").unlink()
    for name in ("two", "three", "five"):
        (tmp_path / name).touch()
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "four"))
        assert is_in(run, "one", State.CANCELLED)
        assert "was cancelled after 1 try" in verb(run, "retry", "one")
        until(lambda: has_begun(run, "one", attempt=2))
        for name in ("one", "four"):
            (tmp_path / name).touch()
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    run.check_complete(5, 2)
    assert [item.attempt for item in run.transitions() if item.job_id == "alpha/one"][-1] == 2
    orders = read_orders(run.layout.journal)
    assert [order.verb for order in orders] == ["set-at-once", "cancel", "add", "retry"]
    assert {(order.by.uid, order.why) for order in orders[1:3]} == {
        (os.getuid(), "diverges"),
        (os.getuid(), "in between"),
    }


def test_the_end_of_a_run_tells_what_was_cancelled_and_another_start_tries_it_if_asked(
    tmp_path: Path,
) -> None:
    run = gated(tmp_path, "one", "two")
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "one") and has_begun(run, "two"))
        listed = json.loads(verb(run, "cancel", "*", "--state", "running", "--why", "night", "--json"))
        assert [item["name"] for item in listed["done"]] == ["alpha/one", "alpha/two"]
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 1, said
    assert "Cancelled by hand" in said and "alpha/one and 1 more: by " in said and ": night" in said
    again = run.finish("--retries", "0")
    assert again.returncode == 1 and set(run.count(Trigger.ASSIGN).values()) == {1}
    for name in ("one", "two"):
        (tmp_path / name).touch()
    assert run.finish("--retries", "0", "--retry-cancelled").returncode == 0
    run.check_complete(2, 1)


def test_a_job_on_a_worker_over_ssh_is_ended_there(tmp_path: Path, place: Place) -> None:
    server = {"host": place.sshd.name, "python": sys.executable, "work_dir": str(tmp_path / "work")}
    run = gated(tmp_path, "one", "two", server=server, **place.sshd.client.files)
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "one") and has_begun(run, "two"))
        verb(run, "cancel", "one")
        until(lambda: not is_running(pid_of(run, "one")))
        (tmp_path / "two").touch()
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 1, said
    assert (is_in(run, "one", State.CANCELLED), is_in(run, "two", State.SUCCEEDED)) == (True, True)
    assert "waits" in run.layout.log("alpha/one", 1).read_text()
