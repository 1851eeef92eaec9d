"""Real runs to which jobs are added that have programs of their own."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from master.core.running.lifecycle import State
from master.runs.control.client import add_jobs
from master.storage.result_records import read_record
from tests.integration.agent_harness import until
from tests.integration.test_orders_of_jobs import gated, has_begun, of
from tests.support.runs import Run, going_on, verb

OTHER = """
import json, os
from pathlib import Path
if os.environ["TWOPHASE_PHASE"] == "1":
    Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.txt").write_text("other")
else:
    base = Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.txt").read_text()
    Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"f1": len(base)}))
"""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def state_of(run: Run, job_id: str) -> State | None:
    return run.states().get(job_id)


def test_a_program_that_is_added_runs_beside_that_of_the_run_and_after_its_master_was_killed(
    tmp_path: Path,
) -> None:
    run = gated(tmp_path, "one")
    other = tmp_path / "elsewhere" / "other.py"
    other.parent.mkdir()
    other.write_text(OTHER)
    rule = {"base_model": {"include": ["width"]}}
    run.write("more.json", {**rule, "jobs": [{"width": 1}, {"width": 2}]})
    command = ["add", str(tmp_path / "more.json"), "--script-path", str(other)]
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "one"))
        assert "would add other/width=1: is added" in verb(run, *command, "--dry-run")
        assert not read_orders_of(run)
        assert "add other/width=1: is added; its base model" in verb(run, *command)
        assert "is in this run already" in verb(run, *command, code=1)
        assert "did you mean `sae`" in verb(
            run, "add", str(tmp_path / "more.json"), "--trainer", "sea", code=2
        )
        os.killpg(master.pid, signal.SIGKILL)
    (tmp_path / "more.json").unlink()
    other.unlink()
    (tmp_path / "one").touch()
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "one", attempt=1))
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    states = {name: state for name, state in run.states().items() if "base_models" not in name}
    assert states == dict.fromkeys(("alpha/one", "other/width=1", "other/width=2"), State.SUCCEEDED)
    record = read_record(run.layout.result("other/width=1"))
    assert record and record["parameters"] == {"width": 1, "prefix": "other", "_addition": "other"}
    told = json.loads(verb(run, "results", "--where", "_addition=other", "--json"))
    assert told["groups"][0]["metrics"]["f1"]["mean"] == 5


def read_orders_of(run: Run) -> list[str]:
    from master.storage.journal_reading import read_orders

    return [event.verb for event in read_orders(run.layout.journal)]


def test_jobs_are_added_by_a_request_that_holds_them(tmp_path: Path) -> None:
    run = gated(tmp_path, "one")
    with going_on(run, "--retries", "0") as master:
        until(lambda: has_begun(run, "one"))
        told = add_jobs(run.layout, {"jobs": [of(tmp_path, "two")], "why": "more"})
        assert told["addition"] == "" and [item["name"] for item in told["done"]] == ["alpha/two"]
        (tmp_path / "one").touch()
        (tmp_path / "two").touch()
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    assert state_of(run, "alpha/two") is State.SUCCEEDED
