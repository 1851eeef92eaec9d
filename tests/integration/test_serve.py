"""A master that stands: additions of several programs, on real workers, over its death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest

from examples import batch_composition
from master.client import Client
from master.core.running.lifecycle import State, Trigger
from master.errors import TwophaseError, UsageError
from tests.integration.agent_harness import until
from tests.integration.ssh_place import Place
from tests.support.runs import ROOT, Run, verb

GATED = """
import argparse, json, os, time
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--gate")
gate = Path(parser.parse_args().gate)
gate.with_name(gate.name + "-begun" + os.environ["TWOPHASE_ATTEMPT"]).touch()
while not gate.exists():
    time.sleep(0.02)
Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"f1": 1}))
"""
BASED = """
import json, os
from pathlib import Path
model = Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.txt")
if os.environ["TWOPHASE_PHASE"] == "1":
    model.write_text("model")
else:
    f1 = len(model.read_text())
    Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"f1": f1}))
"""
FAILING = "raise SystemExit('ValueError: wrong')\n"


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


@dataclass
class Stand(Run):
    """The directory of a master that stands, and the command."""

    def argv(self, *flags: str) -> list[str]:
        """Return the command."""
        words = ("-m", "twophase", "serve", str(self.layout.root))
        return [sys.executable, *words, "--cluster-config", str(self.root / "cluster.json"), *flags]

    @contextmanager
    def up(self, *flags: str) -> Iterator[subprocess.Popen[str]]:
        """Let the master stand."""
        log = self.root / "log"
        with log.open("a") as stream:
            master = subprocess.Popen(
                self.argv(*flags), env=self.environ(), cwd=ROOT, stdout=stream, stderr=stream, text=True
            )
        try:
            yield master
        finally:
            if master.poll() is None:
                master.kill()
            master.wait()

    def code(self, name: str, text: str) -> str:
        """Write a script into a folder of its own."""
        path = self.root / f"code-{name}" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)


def stand(root: Path, server: dict[str, Any] | None = None, **cluster: Any) -> Stand:
    where = {"gpus": 0, "cpu_slots": 2, "state_dir": str(root / "state")}
    return Stand(root, [{**where, **(server or {"host": "localhost"})}], [], None, cluster)


def ended_by_ctrl_c(master: subprocess.Popen[str], code: int) -> None:
    master.send_signal(signal.SIGINT)
    assert master.wait(timeout=120) == code


def both_scripts_over_a_kill(run: Stand) -> None:
    """Add jobs of two scripts, kill the master with one of them running, and have all results."""
    client = Client(run.layout.root, patience_s=60)
    gated, based = run.code("gated", GATED), run.code("based", BASED)
    gate, pool = run.root / "gate", ThreadPoolExecutor(2)
    rule = {"base_model": {"include": ["width"]}}
    with run.up() as master:
        first = client.submit([{"gate": str(gate)}], script=gated, why="waits")
        until(lambda: (run.root / "gate-begun1").exists())
        second = client.submit({**rule, "jobs": [{"width": 1, "lr": 1}, {"width": 1, "lr": 2}]}, script=based)
        waits = pool.submit(Client(run.layout.root).wait, first, 120)
        os.kill(master.pid, signal.SIGKILL)
        master.wait()
    assert (first.name, second.name) == ("gated", "based")
    for path in (gated, based):
        Path(path).unlink()
    third = pool.submit(client.submit, [{"gate": str(gate)}], script=run.code("late", GATED))
    gate.touch()
    with run.up() as master:
        assert [result.state for result in waits.result(120)] == ["succeeded"], (
            "it waited for the next master"
        )
        assert [result.state for result in client.wait(third.result(60), 120)] == ["succeeded"]
        results = client.wait([*first.job_ids, *second.job_ids], timeout_s=120)
        told = json.loads(verb(run, "results", "--by", "f1", "--json"))
        ended_by_ctrl_c(master, 0)
    assert [(result.state, result.metrics) for result in results] == [
        ("succeeded", {"f1": 1}),
        *([("succeeded", {"f1": 5})] * 2),
    ]
    names = {group["parameters"]["_addition"] for group in told["groups"]}
    assert names == {"gated", "based", "late"}
    done = [result.job_id for result in results]
    assert run.count(Trigger.COLLECT) == dict.fromkeys([*done, *third.result().job_ids, base_of(run)], 1)
    assert client.addition("based") == second


def base_of(run: Stand) -> str:
    (name,) = [job_id for job_id in run.states() if job_id.startswith("base_models/")]
    return name


def test_additions_of_two_scripts_outlive_the_master_and_their_files(tmp_path: Path) -> None:
    both_scripts_over_a_kill(stand(tmp_path))


def test_on_a_worker_over_ssh_too(tmp_path: Path, place: Place) -> None:
    server = {"host": place.sshd.name, "python": sys.executable, "work_dir": str(tmp_path / "work")}
    both_scripts_over_a_kill(stand(tmp_path, server, **place.sshd.client.files))


@pytest.mark.slow
def test_a_trainer_with_base_models_is_an_addition_as_any_other(tmp_path: Path) -> None:
    digits = tmp_path / "digits"
    example = ROOT / "examples" / "digits_participants.py"
    subprocess.run([sys.executable, str(example), "--output", str(digits)], check=True, timeout=120)
    jobs = batch_composition.jobs("data/digits", batch_composition.PARTICIPANTS)
    jobs = [{**job, "epochs": 1, "no_plots": True} for job in jobs if job["fold"] == 0][:2]
    run = stand(tmp_path, data={"data/digits": {"sync": str(digits)}}, env={"OMP_NUM_THREADS": "1"})
    client = Client(run.layout.root)
    with run.up() as master:
        addition = client.submit(jobs, trainer="personalization")
        assert [result.state for result in client.wait(addition, timeout_s=240)] == ["succeeded"] * 2
        ended_by_ctrl_c(master, 0)
    assert run.count(Trigger.COLLECT)[base_of(run)] == 1


def test_what_fails_alike_ends_its_own_addition_and_what_is_wrong_adds_nothing(tmp_path: Path) -> None:
    run = stand(tmp_path, {"host": "localhost", "cpu_slots": 1})
    client = Client(run.layout.root)
    failing, based = run.code("failing", FAILING), run.code("based", BASED)
    with run.up("--max-failures", "2", "--retries", "0") as master:
        bad = client.submit([{"id": str(number)} for number in range(5)], script=failing)
        assert {result.state for result in client.wait(bad, timeout_s=60)} == {"failed", "cancelled"}
        for wrong in (
            {"script": str(tmp_path / "nowhere.py")},
            {"trainer": "sea"},
            {"script": failing, "trainer": "sae"},
        ):
            with pytest.raises(UsageError):
                client.submit([{"width": 1}], **wrong)
        with pytest.raises(UsageError, match="is equal to job 1"):
            client.submit([{"width": 1}, {"width": 1}], script=based)
        again = subprocess.run(run.argv(), env=run.environ(), capture_output=True, text=True, timeout=60)
        assert again.returncode == 2 and "another twophase serve is working in" in again.stderr
        rule = {"base_model": {"include": ["width"]}}
        good = client.submit({**rule, "jobs": [{"width": 1}]}, script=based)
        assert [result.state for result in client.wait(good, timeout_s=60)] == ["succeeded"]
        ended_by_ctrl_c(master, 1)
    states = run.states()
    assert sorted(states) == sorted([*bad.job_ids, *good.job_ids, base_of(run)])
    with run.up() as master:
        until(lambda: "stands in" in (run.root / "log").read_text().rsplit("Results:", 1)[-1])
        assert run.states() == states, "what failed waits for a retry"
        ended_by_ctrl_c(master, 1)
    assert states[bad.job_ids[-1]] is State.CANCELLED


def test_a_run_does_not_begin_where_a_master_stood(tmp_path: Path) -> None:
    run = stand(tmp_path)
    with run.up() as master:
        done = Client(run.layout.root).submit([{"lr": 1}], script=run.code("t", "pass\n"))
        Client(run.layout.root).wait(done, timeout_s=60)
        ended_by_ctrl_c(master, 0)
    script = run.code("t", "pass\n")
    ours = Run(tmp_path, run.servers, [{"lr": 1}], Path(script))
    refused = ours.finish()
    assert refused.returncode == 2 and "is where `twophase serve` stood" in refused.stderr
    with pytest.raises(TwophaseError):
        Client(run.layout.root, patience_s=0).submit([{"lr": 2}], script=script)


def test_what_was_left_out_keeps_its_name_and_is_not_done_again(tmp_path: Path) -> None:
    run = stand(tmp_path)
    client, script = Client(run.layout.root), run.code("t", "pass\n")
    with run.up() as master:
        first = client.submit([{"lr": 1}], script=script)
        client.wait(first, timeout_s=60)
        ended_by_ctrl_c(master, 0)
    (code,) = run.layout.code.iterdir()
    code.rename(tmp_path / "away")
    with run.up() as master:
        with pytest.raises(UsageError, match="t/job has succeeded in an earlier start"):
            client.submit([{"lr": 1}], script=script)
        other = client.submit([{"lr": 1}], script=run.code("t", "import os\n"))
        assert other.name == "t-2"
        client.wait(other, timeout_s=60)
        ended_by_ctrl_c(master, 0)
    (tmp_path / "away").rename(code)
    with run.up() as master:
        again = client.submit([{"lr": 1}], script=run.code("t", "pass\n"))
        ended_by_ctrl_c(master, 0)
    assert again == first
    assert run.count(Trigger.COLLECT) == dict.fromkeys([*first.job_ids, *other.job_ids], 1)


def posted(page: SplitResult, body: Any, token: str) -> tuple[int, Any]:
    """Ask the page to add jobs; return the status and what it says."""
    headers = {"Authorization": f"Bearer {token}", "Origin": f"http://{page.netloc}"}
    asked = urllib.request.Request(f"http://{page.netloc}/api/jobs", json.dumps(body).encode(), headers)
    asked.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_page_has_jobs_added_with_its_token_from_the_folders_that_were_named(tmp_path: Path) -> None:
    run = stand(tmp_path)
    script, outside = Path(run.code("t", "pass\n")), Path(run.code("outside", "pass\n"))
    script.with_name("linked").symlink_to(outside.parent)
    asked = {"jobs": [{"lr": 1}], "script": str(script), "why": "from elsewhere"}
    module = {"jobs": [{"lr": 1}], "module": "linked.outside", "project_root": str(script.parent)}
    with run.up("--web", "0", "--scripts", str(script.parent)) as master:
        until(lambda: "the page: " in (run.root / "log").read_text())
        page = urlsplit((run.root / "log").read_text().split("the page: ")[1].split()[0])
        token = page.query.removeprefix("token=")
        assert posted(page, asked, "x" * len(token))[0] == 401
        for wrong in (module, {**asked, "script": str(outside)}, {**asked, "script": f"{script}\0"}):
            status, told = posted(page, wrong, token)
            assert status == 422 and told["error"]
        assert posted(page, asked, token)[1]["done"] == [{"name": "t/job", "says": "is added"}]
        status, told = posted(page, asked, token)
        assert status == 200 and told["addition"] == "t"
        assert told["refused"] == [{"name": "t/job", "says": "is in this run already"}]
        (done,) = Client(run.layout.root).wait(["t/job"], timeout_s=60)
        ended_by_ctrl_c(master, 0)
    assert done.state == "succeeded" and list(run.states()) == ["t/job"]
