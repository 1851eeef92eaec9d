"""Agents and runs that use the executors."""

from __future__ import annotations

import os
import signal
import textwrap
from pathlib import Path

import pytest

from master.adapters.agent_deploy import build_agent
from master.core.running.lifecycle import Trigger
from tests.integration.agent_harness import Host, end, is_alive, pids_in, until
from tests.integration.executor_lab import GROUP_MAIN, TRAINER
from tests.support.runs import Run, search
from worker_agent.protocol import messages as msg
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_words

GROUP_IN_TRAINER = textwrap.indent(GROUP_MAIN, "    ")


def toy_trainer(root: Path, text: str = TRAINER) -> list[dict[str, str]]:
    """Write the trainer to a folder and return what shows it to a job."""
    files = {"__init__.py": "", "toy/__init__.py": "", "toy/thread_main.py": text}
    for name, text in {f"trainers/{name}": text for name, text in files.items()}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    return [{"at": TRAINER_CODE, "path": str(root)}]


def test_an_agent_runs_warm_jobs_and_says_what_ran_them(host: Host) -> None:
    master = host.connect()
    for number in (1, 2):
        master.launch(
            "warm", "import os; print(os.environ['TWOPHASE_JOB_ID'])", attempt=number, executor="warm"
        )
        done = master.finished("warm", number)
        assert (done.outcome, done.executor, done.executor_note) == ("succeeded", "warm", "")
    master.launch("sh", "", argv=["sh", "-c", "exit 3"], executor="warm")
    done = master.finished("sh")
    assert (done.exit_code, done.executor) == (3, "process")
    assert done.executor_note == "sh is not a Python interpreter"
    master.launch("odd", "", executor="fast")
    done = master.finished("odd")
    assert done.outcome == "refused" and "allowed are process, warm, resident, inline" in str(done.error)


def test_a_thread_that_an_agent_which_is_killed_leaves_is_ended_by_the_next(
    host: Host, tmp_path: Path
) -> None:
    master = host.connect()
    argv = [*start_words("toy"), "stay"]
    master.launch("a", "", argv=argv, executor="thread", mounts=toy_trainer(tmp_path / "code"))
    pid = master.wait_event("running", "a").detail.pid
    end(host.agent_pid(), signal.SIGKILL)
    again = host.connect(epoch=2)
    assert again.finished("a").outcome == "lost"
    until(lambda: not is_alive(pid))


def test_a_warm_job_outlives_its_agent(host: Host, tmp_path: Path) -> None:
    master, pids = host.connect(), tmp_path / "pids"
    code = f"import os, signal; open({str(pids)!r}, 'w').write(str(os.getpid())); signal.pause()"
    master.launch("a", code, executor="warm")
    (pid,) = pids_in(pids, 1)
    master.wait_event("running", "a")
    master.settle()
    end(host.agent_pid(), signal.SIGKILL)
    again = host.connect(epoch=2)
    again.settle()
    assert is_alive(pid)
    os.kill(pid, signal.SIGTERM)
    done = again.finished("a")
    assert (done.outcome, done.exit_code) == ("failed", -signal.SIGTERM)


def test_warm_jobs_and_threads_start_from_one_zipped_file(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "agent.pyz"
    path.write_bytes(build_agent().data)
    host.program = [str(path)]
    del host.env["PYTHONPATH"]
    master = host.connect()
    mounts = toy_trainer(tmp_path / "code")
    argv = [*start_words("toy"), "0"]
    master.launch("t", "", argv=argv, executor="thread", mounts=mounts)
    master.launch("w", "import sys; assert 'worker_agent' not in sys.modules", executor="warm")
    for name, executor in (("t", "resident"), ("w", "warm")):
        done = master.finished(name)
        assert (done.outcome, done.executor, done.executor_note) == ("succeeded", executor, "")


def test_a_crash_of_the_process_is_a_loss_of_its_threads(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    mounts = toy_trainer(tmp_path / "code")
    master.launch("a", "", argv=[*start_words("toy"), "crash"], executor="thread", mounts=mounts)
    done = master.finished("a")
    assert (done.outcome, done.executor) == ("lost", "resident")
    assert done.error == "the resident process of this job and 0 others crashed"


def test_a_group_shares_a_slot_and_a_process_and_is_recorded_job_by_job(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    mounts = [msg.Mount(**mount) for mount in toy_trainer(tmp_path / "code", TRAINER + GROUP_IN_TRAINER)]
    words = {"a": "0", "b": "3", "c": "wait"}
    master.send(
        msg.LaunchAll(
            [
                msg.Launch(name, 1, 2, [*start_words("toy"), word], mounts, executor="resident", group="g1")
                for name, word in words.items()
            ]
        )
    )
    running = {master.wait_event("running", name).detail for name in words}
    pids = {detail.pid for detail in running}
    assert len(pids) == len({detail.slot for detail in running}) == 1
    ends = [master.finished(name) for name in ("a", "b")]
    assert [(end.outcome, end.exit_code) for end in ends] == [("succeeded", 0), ("failed", 3)]
    end(pids.pop(), signal.SIGKILL)
    ends.append(master.finished("c"))
    assert ends[-1].outcome == "lost"
    assert {(done.executor, done.group, done.together) for done in ends} == {("resident", "g1", 3)}


def test_a_group_that_cannot_be_runs_one_by_one_as_processes(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    mounts = [msg.Mount(**mount) for mount in toy_trainer(tmp_path / "code", "raise ValueError('no')")]
    launches = [
        msg.Launch(name, 1, 2, [*start_words("toy"), "0"], mounts, executor="resident", group="g1")
        for name in ("a", "b")
    ]
    master.send(msg.LaunchAll(launches))
    for name in ("a", "b"):
        done = master.finished(name)
        assert (done.executor, done.group) == ("process", None)
        assert done.executor_note == "trainers.toy cannot be resident: ValueError: no"


def test_a_warm_job_that_is_cancelled_while_its_parent_imports_is_cancelled(host: Host) -> None:
    master = host.connect()
    master.launch("a", "import torch; print('ran')", executor="warm")
    master.settle()
    master.send(msg.Cancel("a", 1))
    done = master.finished("a")
    assert (done.outcome, done.stderr_tail) == ("cancelled", "")


def test_a_run_says_of_each_job_what_ran_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "state")}
    jobs = search(folds=1)
    jobs[-1]["executor"] = "process"
    run = Run(tmp_path, [worker], jobs)
    done = run.finish("--executor", "warm")
    assert done.returncode == 0, done.stderr
    run.check_complete(jobs=5, base_models=1)
    ends = [item.finished for item in run.transitions() if item.finished and item.trigger is Trigger.FINISH]
    assert sorted(end.executor for end in ends) == ["process"] + 5 * ["warm"]
    assert {end.executor_note for end in ends} == {""}


@pytest.mark.parametrize(
    ("name", "why"), [("wram", "did you mean `warm`"), ("thread", "a script cannot share")]
)
def test_a_run_with_an_executor_that_cannot_be_is_refused(tmp_path: Path, name: str, why: str) -> None:
    worker = {"host": "localhost", "gpus": 0}
    done = Run(tmp_path / "flag", [worker], search(folds=1)).finish("--executor", name)
    assert done.returncode == 2 and f'--executor is `"{name}"`' in done.stderr and why in done.stderr
    run = Run(tmp_path / "field", [worker], search(folds=1, executor=name))
    done = run.finish()
    assert done.returncode == 3 and "job 1: `executor` is" in done.stderr and why in done.stderr
    assert not run.layout.root.exists()
