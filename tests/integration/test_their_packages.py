"""A user's folders called `master`, `trainers` and `worker_agent` are never taken for ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from master.code.trainer_manifest import find_trainer_manifest
from tests.integration.executor_lab import TRAINER, Lab
from tests.support.runs import ROOT
from tests.support.their_packages import write_their_packages
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_file, start_text

JOBS = [{"fold": 0, "participants": ["ann", "bob"], "lr": 0.1}]


def run(argv: list[str], cwd: Path, *search_path: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, search_path))}
    return subprocess.run([sys.executable, *argv], cwd=cwd, env=env, capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [
        *("run_two_phase", "analyze_jobs", "run_all_training", "train_probes", "train_sae"),
        *("train_tabular", "train_pmssm", "predict_tabular", "personalization"),
    ],
)
def test_a_command_is_ours(tmp_path: Path, command: str) -> None:
    theirs = write_their_packages(tmp_path)
    for argv in (["-m", "twophase", command, "--help"], [str(ROOT / "twophase.py"), command, "--help"]):
        done = run(argv, theirs, theirs, ROOT)
        assert done.returncode == 0 and done.stdout.startswith("usage: "), done.stderr


def test_an_installed_command_is_ours(tmp_path: Path) -> None:
    """As the file that an installation makes for it does."""
    theirs = write_their_packages(tmp_path)
    (theirs / "jobs.json").write_text(json.dumps(JOBS))
    script = "import sys; from twophase import analyze_jobs; sys.exit(analyze_jobs())"
    done = run(["-c", script, "jobs.json", "--trainer", "personalization", "--json"], theirs, theirs, ROOT)
    assert done.returncode == 0, done.stderr
    code = json.loads(done.stdout)["base_models"][0]["config"]["code"]
    assert code == find_trainer_manifest("personalization").identity


def test_an_unknown_command_names_the_nearest(tmp_path: Path) -> None:
    done = run(["-m", "twophase", "run_too_phase"], tmp_path, ROOT)
    assert done.returncode == 2
    assert "did you mean `twophase run_two_phase`?" in done.stderr
    assert "twophase --help tells all verbs and commands" in done.stderr


def lay_out(lab: Lab) -> str:
    """Show a trainer's code, and beside it, and on the search path, their packages; return what to start."""
    write_their_packages(lab.work)
    lab.env["PYTHONPATH"] += os.pathsep + str(write_their_packages(lab.work.parent / "more"))
    code = {
        "trainers/__init__.py": "",
        "trainers/toy/__init__.py": "",
        "trainers/toy/thread_main.py": "from worker_agent.protocol import whose\n" + textwrap.dedent(TRAINER),
        "trainers/toy/__main__.py": """
            import os, sys, slow
            from worker_agent.protocol import whose
            def main():
                print(whose, os.getpid() == slow.birth, sys.argv[1:])
            """,
        "worker_agent/__init__.py": "",
        "worker_agent/protocol/__init__.py": "whose = 'ours'",
        start_file("toy"): start_text("toy"),
    }
    for name, text in code.items():
        lab.script(text, f"{TRAINER_CODE}/{name}")
    return f"{TRAINER_CODE}/{start_file('toy')}"


@pytest.mark.parametrize("executor", ["process", "warm"])
@pytest.mark.parametrize("safe_path", [False, True])
def test_a_job_of_a_trainer_is_ours(lab: Lab, executor: str, safe_path: bool) -> None:
    start = lay_out(lab)
    if safe_path:
        lab.env["PYTHONSAFEPATH"] = "1"
    ended, text = lab.run(executor, start, "7")
    assert (ended.exit_code, ended.executor, ended.note) == (0, executor, ""), text
    assert text == f"ours {executor == 'process'} ['7']\n", "what it imports from outside was preloaded"


def test_a_thread_of_a_trainer_is_ours(lab: Lab) -> None:
    lab.env["TWOPHASE_JOB_ID"] = "a"
    ended, text = lab.run("thread", lay_out(lab), "7")
    assert (ended.exit_code, ended.executor, ended.note) == (7, "resident", ""), text
