"""`run_all_training` as its users give it: real processes on this machine."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fake_gpus import FakeGpus, gpu
from tests.support.shop import Shop

TAKES_ALL = """\
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--folds", type=int)
parser.add_argument("--sample", type=int)
parser.add_argument("--batch-size", type=int)
parser.add_argument("--output-dir", type=pathlib.Path)
options = parser.parse_args()
print("data:", pathlib.Path("data/x.csv").read_text())
found = {key: value for key, value in vars(options).items() if key != "output_dir"}
(options.output_dir / "options.json").write_text(json.dumps(found))
"""
TAKES_NOTHING = """\
import pathlib, sys
assert sys.argv[1:] == []
pathlib.Path("plots").mkdir()
pathlib.Path("plots", "loss.txt").write_text("0.5")
"""
WAITS = """\
import os, pathlib, time
root = pathlib.Path(os.environ["TEST_ROOT"])
print("waiting")
(root / f"{os.environ['TWOPHASE_JOB_ID']}.started").touch()
while not (root / "go").exists():
    time.sleep(0.02)
pathlib.Path("done").touch()
"""
TOGETHER = """\
import os, pathlib, time
root, me = pathlib.Path(os.environ["TEST_ROOT"]), os.environ["TWOPHASE_JOB_ID"]
(root / f"{me}.began").touch()
while len(list(root.glob("*.began"))) < 2:
    time.sleep(0.02)
"""
STUBBORN = """\
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
(pathlib.Path(os.environ["TEST_ROOT"]) / f"{os.environ['TWOPHASE_JOB_ID']}.started").touch()
time.sleep(3600)
"""


def test_scripts_run_in_parallel_with_the_flags_they_take(shop: Shop) -> None:
    shop.write("training/train_all.py", TAKES_ALL)
    shop.write("train_nothing.py", TAKES_NOTHING)
    flags = ("--parallel", "--epochs", "5", "--folds", "3", "--batch", "16")
    summary = shop.summary(*flags, "--max-workers", "6")
    jobs = {job["id"]: job for job in summary["jobs"]}
    assert {job["state"] for job in jobs.values()} == {"succeeded"}
    results = shop.project / "results"
    options = json.loads((results / "all_results" / "options.json").read_text())
    assert options == {"epochs": 5, "folds": 3, "sample": None, "batch_size": 16}
    record = json.loads((results / "all_results" / "job.json").read_text())
    parameters = {"epochs": 5, "folds": 3, "batch-size": 16, "output-dir": "{output_dir}"}
    assert record["parameters"] == parameters and record["varied"] == parameters
    assert record["command"][:2] == ["python", "training/train_all.py"]
    assert (results / "nothing_results" / "plots" / "loss.txt").read_text() == "0.5"
    log = Path(jobs["train_all"]["log"])
    assert log.parent == shop.project / "logs" / "train_all" and log.name.startswith("run_")
    assert "data: 1,2,3" in log.read_text()
    passed = "--epochs 5 --folds 3 --batch-size 16"
    command = f"python training/train_all.py {passed} --output-dir {results}/all_results"
    assert jobs["train_all"]["command_line"] == command
    assert summary["workers"]["count"] == 2
    assert summary["arguments"]["epochs"] == 5
    (written,) = (shop.project / "summaries").glob("training_summary_*.json")
    assert json.loads(written.read_text()) == summary
    assert "started   train_all on localhost" in (shop.project / "logs" / "orchestrator.log").read_text()
    assert not (results / ".twophase" / "journal.sqlite").exists()


def test_a_failure_stops_no_other_job_and_is_tried_again(shop: Shop) -> None:
    shop.write("train_a.py", "import sys\nsys.exit('no such data')\n")
    shop.write("train_b.py", "import os, sys\nsys.exit(os.environ['TWOPHASE_ATTEMPT'] == '1')\n")
    shop.write("train_c.py", "print('fine')\n")
    shop.write("train_d.py", "def (:\n")
    jobs = shop.jobs("--retries", "1", code=1)
    assert {name: (job["state"], job["attempts"]) for name, job in jobs.items()} == {
        "train_a": ("failed", 2),
        "train_b": ("succeeded", 2),
        "train_c": ("succeeded", 1),
        "train_d": ("invalid", 0),
    }
    assert "no such data" in Path(jobs["train_a"]["log"]).read_text()
    assert "line 1" in jobs["train_d"]["error"]
    assert shop.finish("--only", "a", "c", "--allow-partial-success").returncode == 0
    assert shop.finish("--only", "a", "d", "--mark-discovered-optional").returncode == 0
    assert shop.finish("--only", "d").returncode == 1


def test_warm_jobs_give_what_processes_give(shop: Shop) -> None:
    shop.write("train_a.py", TAKES_ALL)
    shop.write("train_b.py", TAKES_NOTHING)
    for executor in ("process", "warm"):
        jobs = shop.jobs("--epochs", "2", "--executor", executor)
        assert {job["state"] for job in jobs.values()} == {"succeeded"}
        options = json.loads((shop.project / "results" / "a_results" / "options.json").read_text())
        assert options["epochs"] == 2


def test_earlier_results_are_kept_and_everything_runs_again(shop: Shop) -> None:
    shop.write("train_a.py", "import pathlib, sys\npathlib.Path('out').write_text(sys.argv[1])\n")
    shop.summary("--extra-arg", "first")
    again = shop.finish("--extra-arg", "second")
    assert "the results of an earlier run are now in" in again.stderr
    results = shop.project / "results"
    assert (results / "a_results" / "out").read_text() == "second"
    (old,) = results.glob("a_results.until_*")
    assert (old / "out").read_text() == "first"
    assert len(list((shop.project / "summaries").iterdir())) == 2


def test_jobs_run_the_code_as_it_was_when_the_command_was_given(shop: Shop) -> None:
    shop.write("train_a.py", WAITS)
    shop.write("train_b.py", "import shared\nimport pathlib\npathlib.Path('word').write_text(shared.WORD)\n")
    shop.write("shared.py", "WORD = 'before'\n")
    for flags, word in (((), "before"), (("--in-place",), "after")):
        (shop.root / "go").unlink(missing_ok=True)
        shop.write("shared.py", "WORD = 'before'\n")
        run = shop.start(*flags)
        shop.wait_for_line(run, "started   train_a")
        shop.write("shared.py", "WORD = 'after'\n")
        (shop.root / "go").touch()
        rest, _ = run.communicate(timeout=60)
        assert run.returncode == 0, rest
        assert (shop.project / "results" / "b_results" / "word").read_text() == word


def test_first_interrupt_lets_running_jobs_finish(shop: Shop) -> None:
    for name in "abc":
        shop.write(f"train_{name}.py", WAITS)
    run = shop.start("--parallel", "--max-workers", "2")
    shop.wait_for_line(run, "started   train_b")
    current = shop.project / "logs" / "train_a" / "current.log"
    until(lambda: current.exists() and "waiting" in current.read_text())
    run.send_signal(signal.SIGINT)
    shop.wait_for_line(run, "running jobs may finish")
    (shop.root / "go").touch()
    rest, _ = run.communicate(timeout=60)
    assert run.returncode == 130, rest
    (written,) = (shop.project / "summaries").iterdir()
    found = {job["id"]: job["state"] for job in json.loads(written.read_text())["jobs"]}
    assert found == {"train_a": "succeeded", "train_b": "succeeded", "train_c": "not_run"}
    assert current.resolve().name.startswith("run_") and current.read_text() == "waiting\n"


def test_second_interrupt_stops_at_once_and_leaves_no_child(shop: Shop) -> None:
    for name in "abc":
        shop.write(f"train_{name}.py", STUBBORN)
    run = shop.start("--parallel", "--max-workers", "2")
    shop.wait_for_line(run, "started   train_b")
    until(lambda: len(list(shop.root.glob("*.started"))) == 2)
    assert len(list(shop.processes())) == 4
    run.send_signal(signal.SIGINT)
    shop.wait_for_line(run, "again to cancel")
    run.send_signal(signal.SIGINT)
    rest, _ = run.communicate(timeout=60)
    assert run.returncode == 130, rest
    assert list(shop.processes()) == []
    (written,) = (shop.project / "summaries").iterdir()
    found = {job["id"]: job["state"] for job in json.loads(written.read_text())["jobs"]}
    assert found == {"train_a": "cancelled", "train_b": "cancelled", "train_c": "not_run"}


def until(condition: Callable[[], bool]) -> None:
    """Wait; the time limit of the test is the limit."""
    gate = signal.sigtimedwait
    while not condition():
        gate([signal.SIGUSR1], 0.02)


def test_what_a_killed_start_left_running_is_ended_by_the_next(shop: Shop) -> None:
    shop.write("train_a.py", STUBBORN)
    run = shop.start()
    until(lambda: (shop.root / "train_a.started").exists())
    run.kill()
    run.communicate()
    assert len(list(shop.processes())) == 2
    shop.write("train_a.py", "print('short')\n")
    jobs = shop.jobs()
    assert (jobs["train_a"]["state"], jobs["train_a"]["attempts"]) == ("succeeded", 1)
    assert list(shop.processes()) == []


def test_jobs_of_a_file_on_a_cluster_of_this_machine(shop: Shop) -> None:
    shop.write("src/als.py", TAKES_ALL)
    shop.write("jobs.yaml", "jobs: [{name: ALS, script: src/als.py, output: als/full, args: [--sample, 9]}]")
    server = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "data": {"data": str(shop.project / "data")}}
    shop.write("cluster.json", json.dumps({"servers": [server]}))
    flags = ("--config", "jobs.yaml", "--no-auto-discover", "--cluster-config", "cluster.json")
    jobs = shop.jobs(*flags, "--epochs", "2")
    assert jobs["als"]["state"] == "succeeded"
    options = json.loads((shop.project / "results" / "als" / "full" / "options.json").read_text())
    assert (options["sample"], options["epochs"]) == (9, 2)


def test_a_file_may_list_a_shell_script_and_a_module(shop: Shop) -> None:
    shop.write("jobs/train.sh", '#!/bin/sh\necho "$@" > words.txt\n')
    (shop.project / "jobs" / "train.sh").chmod(0o755)
    shop.write("package/__init__.py", "")
    shop.write("package/lines.py", "TEXT = 'from the package'")
    shop.write("package/train.py", "from .lines import TEXT\nopen('text.txt', 'w').write(TEXT)")
    shop.write("jobs.yaml", "jobs: [{script: jobs/train.sh, args: [a, b]}, {module: package.train}]")
    jobs = shop.jobs("--config", "jobs.yaml")
    assert {job["state"] for job in jobs.values()} == {"succeeded"}
    results = shop.project / "results"
    assert (results / "train_results" / "words.txt").read_text() == "a b\n"
    assert (results / "package.train_results" / "text.txt").read_text() == "from the package"


def test_jobs_of_a_file_share_a_gpu_by_the_memory_that_they_need(shop: Shop, tmp_path: Path) -> None:
    shop.env = FakeGpus(tmp_path / "gpus", [gpu(0, 24)]).env
    for name in "abc":
        shop.write(f"src/{name}.py", TOGETHER)
    shop.write(
        "jobs.yaml",
        "jobs:\n- {script: src/a.py, gpu_memory: 8GB}\n- {script: src/b.py, gpu_memory: 8GB, timeout: 2m}\n"
        "- {script: src/c.py, gpu_memory: 90GB}\n",
    )
    server = {"host": "localhost", "gpus": "auto", "state_dir": str(tmp_path / "state")}
    shop.write("cluster.json", json.dumps({"servers": [server]}))
    flags = ("--config", "jobs.yaml", "--no-auto-discover", "--cluster-config", "cluster.json")
    jobs = shop.jobs(*flags, "--timeout", "1m", code=1)
    assert {name: job["state"] for name, job in jobs.items()} == {
        **{"a": "succeeded", "b": "succeeded", "c": "failed"}
    }
    assert jobs["a"]["slot"] != jobs["b"]["slot"] and jobs["a"]["slot"].startswith("gpu0.")
    assert "needs 90.0 GB of GPU memory, the largest GPU has 23.0 GB to give" in jobs["c"]["error"]


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--only", "bda"), 2, "--only bda: no job has this name; did you mean bad?"),
        (("--exclude-regex", "("), 2, "no regular expression"),
        (("--config", "gone.yaml"), 2, "there is no such file"),
        (("--discover-root", "gone"), 2, "there is no such directory"),
        (("--cluster-config", "unknown.yaml"), 2, "unknown"),
        (("--executor", "warn"), 2, "did you mean `warm`"),
        (("--executor", "thread"), 2, "use warm or process"),
        (("--include-pattern", "train_x*.py", "--strict-discovery"), 3, "nothing to run"),
        (("--include-pattern", "train_x*.py"), 3, "nothing to run"),
    ],
)
def test_mistakes_are_told_before_anything_starts(
    shop: Shop, flags: tuple[str, ...], code: int, said: str
) -> None:
    shop.write("train_bad.py", "raise SystemExit('was run')\n")
    shop.write("unknown.yaml", "servers: [{host: localhost, gpu: 3}]")
    done = shop.finish(*flags)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr
    assert not (shop.project / "results").exists() and not (shop.project / "logs").exists()


def test_scripts_of_one_name_and_keys_of_other_tools_are_noted_and_run(shop: Shop) -> None:
    for twin in "ab":
        shop.write(f"{twin}/train_x.py", f"open('out', 'w').write({twin!r})\n")
    shop.write("train_y.py", TAKES_ALL)
    shop.write("jobs.yaml", "jobs: [{name: Y, script: train_y.py, epoch: 3, args: {epochs: 3, batch: 8}}]")
    done = shop.finish("--config", "jobs.yaml", "--no-default-jobs", "--parallel", "--epochs", "50", "--json")
    summary = json.loads(done.stdout)
    jobs = {job["id"]: job for job in summary["jobs"]}
    assert {name: job["status"] for name, job in jobs.items()} == dict.fromkeys(
        ("y", "a.train_x", "b.train_x"), "SUCCESS"
    )
    results = shop.project / "results"
    assert (results / "a.x_results" / "out").read_text() == "a"
    options = json.loads((results / "y_results" / "options.json").read_text())
    assert options == {"epochs": 3, "folds": None, "sample": None, "batch_size": 8}
    assert jobs["y"]["command"][:2] == ["python", "train_y.py"]
    log = (shop.project / "logs" / "orchestrator.log").read_text()
    for said in (
        "`epoch` is unknown",
        "a/train_x.py and b/train_x.py have one name",
        "Parallel mode enabled. Ensure sufficient resources.",
        "[y] Starting attempt 1/1",
    ):
        assert said in done.stderr and said in log


def test_list_and_dry_run_change_nothing(shop: Shop) -> None:
    shop.write("train_a.py", TAKES_ALL)
    shop.write("train_b.py", "def (:\n")
    before = sorted(shop.project.rglob("*"))
    listed = shop.finish("--list")
    assert listed.returncode == 0
    assert "--epochs --folds --sample --batch-size --output-dir" in listed.stdout
    assert "does not parse" in listed.stdout
    planned = shop.finish("--dry-run", "--epochs", "7", "--parallel")
    assert "python train_a.py --epochs 7 --output-dir" in planned.stdout.replace("\n", " ")
    assert "Workers: 1 (1 job," in planned.stdout
    as_json = json.loads(shop.finish("--dry-run", "--json", "--epochs", "7").stdout)
    assert [job["problem"] is None for job in as_json["jobs"]] == [True, False]
    assert sorted(shop.project.rglob("*")) == before


def test_verify_passes_on_this_machine(shop: Shop) -> None:
    done = shop.finish("verify", "--json")
    found = json.loads(done.stdout)
    assert [check for check in found["checks"] if not check["passed"]] == []
    assert (done.returncode, found["passed"]) == (0, True)
    assert len(found["checks"]) == 11
