"""Real runs whose workers are held, freed, added and removed while they go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from master.core.running.lifecycle import State, Trigger
from tests.integration.agent_harness import until
from tests.support import runs
from tests.support.runs import Run, verb
from tests.support.sshd import LoopbackSshd

GATED = """
import argparse, json, os, signal, sys, time
parser = argparse.ArgumentParser()
for name in ("--gate", "--prefix"):
    parser.add_argument(name)
gate = parser.parse_args().gate
kept = os.path.join(os.environ["TWOPHASE_CHECKPOINT_DIR"], "tries.json")
tries = [*(json.load(open(kept)) if os.path.exists(kept) else []), int(os.environ["TWOPHASE_ATTEMPT"])]

def keep(*_):
    with open(kept + ".new", "w") as stream:
        json.dump(tries, stream)
    os.replace(kept + ".new", kept)
    sys.exit(130)

signal.signal(signal.SIGINT, keep)
print("waits", flush=True)
while not os.path.exists(gate):
    time.sleep(0.02)
with open(os.path.join(os.environ["TWOPHASE_OUTPUT_DIR"], "tries.json"), "w") as stream:
    json.dump(tries, stream)
"""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def worker(root: Path, number: int) -> dict[str, object]:
    """Return a worker on this machine, of one slot and with a state directory of its own."""
    where = {"host": "localhost", "port": number, "gpus": 0, "cpu_slots": 1}
    return {**where, "state_dir": str(root / f"state{number}")}


def name(number: int) -> str:
    return f"localhost:{number}"


def gated(root: Path, jobs: int, workers: int = 1, **fields: object) -> Run:
    """A run whose jobs wait until `open_gate`, and know the tries before theirs from their checkpoint."""
    script = root / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(GATED)
    run = Run(root, [worker(root, number) for number in range(1, workers + 1)], [], script=script)
    asked = [{"id": f"job{n}", "gate": str(root / "gate"), **fields} for n in range(jobs)]
    run.write("jobs.json", {"base_model": False, "jobs": asked})
    return run


def open_gate(run: Run) -> None:
    (run.root / "gate").touch()


def going_on(run: Run, *flags: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """Start a run that writes its log down."""
    return runs.going_on(run, "--log-file", str(run.root / "log"), *flags)


def said_by(run: Run) -> str:
    log = run.root / "log"
    return log.read_text() if log.exists() else ""


def starts(run: Run) -> list[str | None]:
    return [item.worker for item in run.transitions() if item.trigger is Trigger.START]


def tries_of(run: Run, job_id: str) -> list[int]:
    """Return the tries that a job's result comes from."""
    return list(json.loads((run.layout.result(job_id) / "tries.json").read_text()))


def has_begun(root: Path, number: int) -> bool:
    """Whether a job there has said something: from then on it can be told to end."""
    return any(path.stat().st_size for path in (root / f"state{number}").rglob("log.txt"))


def test_a_worker_is_freed_at_once_and_its_job_goes_on_elsewhere_from_its_checkpoint(tmp_path: Path) -> None:
    run = gated(tmp_path, 1, workers=2)
    with going_on(run, "--retries", "0") as master:
        until(lambda: starts(run) and has_begun(tmp_path, int(str(starts(run)[0])[-1])))
        first = str(starts(run)[0])
        other = name(1 if first == name(2) else 2)
        told = verb(run, "drain", first, "--now", "--why", "for bob")
        assert f"drain {first}: is drained; 1 job interrupted, to go on elsewhere" in told
        assert "nobody has paused it" in verb(run, "resume", other, code=1)
        until(lambda: starts(run) == [first, other])
        held = [each for each in json.loads(verb(run, "workers", "--json"))["workers"] if each["hold"]]
        assert [(each["name"], each["hold"]["why"]) for each in held] == [(first, "for bob")]
        open_gate(run)
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    assert tries_of(run, "alpha/job0") == [1, 2]
    assert "drain by " in said_by(run) and "for bob" in said_by(run)


def test_a_run_whose_workers_are_paused_waits_over_a_restart_and_tells_who_did_it(tmp_path: Path) -> None:
    run = gated(tmp_path, 3)
    with going_on(run):
        until(lambda: starts(run))
        verb(run, "pause", "localhost", "--why", "night")
        open_gate(run)
        until(lambda: len(run.count(Trigger.COLLECT)) == 1)
    with going_on(run) as master:
        until(lambda: said_by(run).count("localhost: up, 1 job at a time") == 2)
        why = verb(run, "why", "alpha/job1")
        assert "is paused by" in why and ": night" in why and "twophase resume localhost" in why
        assert len(starts(run)) == 1
        verb(run, "resume", "localhost")
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    assert len(starts(run)) == 3


def test_the_last_worker_goes_and_another_joins_without_a_loss(tmp_path: Path) -> None:
    run = gated(tmp_path, 2)
    with going_on(run, "--retries", "0") as master:
        until(lambda: starts(run))
        entry = json.dumps(worker(tmp_path, 7))
        refused = verb(run, "add-worker", "--entry", entry, code=1)
        assert "localhost: is a worker of this run already" in refused
        verb(run, "remove-worker", "localhost", "--now", "--why", "reinstalled")
        until(lambda: "localhost: has left the run, nothing of it is there any more" in said_by(run))
        assert "no worker is left: localhost was removed by" in said_by(run)
        assert "was removed by" in verb(run, "pause", "localhost", code=1)
        verb(run, "add-worker", "--entry", entry)
        open_gate(run)
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    assert set(run.states().values()) == {State.SUCCEEDED}
    assert Trigger.LOSE not in {item.trigger for item in run.transitions()}
    assert (tmp_path / "state7").exists()


def test_what_runs_on_a_worker_that_the_config_lacks_is_ended_by_the_next_start(tmp_path: Path) -> None:
    run = gated(tmp_path, 1, resources={"labels": ["two"]})
    one, two, three = (worker(tmp_path, number) for number in (1, 2, 3))
    run.write("cluster.json", {"servers": [one, {**two, "labels": ["two"]}]})
    with going_on(run) as master:
        until(lambda: starts(run) == [name(2)] and has_begun(tmp_path, 2))
        os.killpg(master.pid, signal.SIGKILL)
    run.write("cluster.json", {"servers": [one, {**three, "labels": ["two"]}]})
    with going_on(run, "--retries", "0") as master:
        until(lambda: starts(run) == [name(2), name(3)])
        until(lambda: "localhost:2: has left the run, nothing of it is there any more" in said_by(run))
        open_gate(run)
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    gone = "localhost:2: is no longer in the cluster config: what runs there of this run is ended"
    assert gone in said_by(run)
    assert [item.worker for item in run.transitions() if item.trigger is Trigger.WITHDRAW] == [name(2)]
    assert tries_of(run, "alpha/job0") == [1, 2]


@pytest.mark.ssh
def test_a_worker_joins_over_ssh_from_a_config_by_its_name_and_goes(
    tmp_path: Path, loopback_sshd: LoopbackSshd
) -> None:
    run = gated(tmp_path, 2)
    over_ssh = {"host": loopback_sshd.name, "gpus": 0, "cpu_slots": 1, "python": sys.executable}
    lab = run.write(
        "lab.json", {"servers": [{"host": "other", "gpus": 0}, over_ssh], **loopback_sshd.client.files}
    )
    with going_on(run, "--retries", "0") as master:
        until(lambda: bool(starts(run)))
        told = verb(run, "add-worker", loopback_sshd.name[:-1], "--cluster-config", str(lab), code=2)
        assert f"did you mean `{loopback_sshd.name}`?" in told
        verb(run, "add-worker", loopback_sshd.name, "--cluster-config", str(lab))
        verb(run, "drain", "localhost", "--now")
        until(lambda: loopback_sshd.name in starts(run))
        verb(run, "resume", "localhost")
        verb(run, "remove-worker", loopback_sshd.name, "--now")
        gone = f"{loopback_sshd.name}: has left the run, nothing of it is there any more"
        until(lambda: gone in said_by(run))
        open_gate(run)
        said, _ = master.communicate(timeout=120)
        assert master.returncode == 0, said
    assert set(run.states().values()) == {State.SUCCEEDED}
    assert Trigger.LOSE not in {item.trigger for item in run.transitions()}
