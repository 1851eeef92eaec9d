"""The agent as a master meets it: over pipes, with real processes."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import zipapp
from pathlib import Path

import pytest

from tests.integration.agent_harness import (
    ROOT,
    WAIT_FOR_FILE,
    WRITE_OUTPUT,
    Host,
    content_of,
    end,
    is_alive,
)
from tests.support.agent_master import PATIENCE_S
from tests.support.attempt_paths import paths_of
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event
from worker_agent.protocol.reports import Progress, Said, Slots


def test_a_job_runs_and_its_small_results_come_inline(host: Host) -> None:
    master = host.connect()
    master.launch("alpha/a", WRITE_OUTPUT + "; print('hello')", base_model_hash="s" * 64)
    done = master.finished("alpha/a")
    assert (done.outcome, done.exit_code, done.error, done.slot) == ("succeeded", 0, None, "cpu0")
    assert [row[0] for row in done.files] == ["out.txt"]
    assert done.inline == {"out.txt": base64.b64encode(b"o").decode(), "": "aGVsbG8K"}
    assert done.log and done.log[:2] == ("log.txt", 6)
    assert done.duration_s and done.peak_rss_bytes and done.started_at


def test_a_job_sees_the_contract(host: Host, tmp_path: Path) -> None:
    master = host.connect(env={"EXTRA": "settings"})
    code = "import json, os; print(json.dumps({**os.environ, 'CWD': os.getcwd()}))"
    master.launch("alpha/a", code, phase=1, base_model_hash="f" * 64, env={"MINE": "launch"})
    master.finished("alpha/a")
    attempt = host.work().attempt("r1", "alpha/a", 1)
    env = json.loads(paths_of(attempt).log.read_text())
    assert env["TWOPHASE_JOB_ID"] == "alpha/a" and env["TWOPHASE_ATTEMPT"] == "1"
    assert env["TWOPHASE_PHASE"] == "1" and env["TWOPHASE_BASE_MODEL_HASH"] == "f" * 64
    assert env["TWOPHASE_BASE_MODEL_DIR"] == str(paths_of(attempt).base_model)
    assert env["TWOPHASE_OUTPUT_DIR"] == str(paths_of(attempt).output)
    assert env["TWOPHASE_PROGRESS_FILE"] == str(paths_of(attempt).progress)
    assert Path(env["TWOPHASE_CHECKPOINT_DIR"]).is_dir()
    assert (env["EXTRA"], env["MINE"]) == ("settings", "launch")
    assert (env["CUDA_VISIBLE_DEVICES"], env["CUDA_DEVICE_ORDER"]) == ("", "PCI_BUS_ID")
    assert env["OMP_NUM_THREADS"] == env["MKL_NUM_THREADS"] == str(len(os.sched_getaffinity(0)))
    assert env["CWD"] == env["PWD"] == str(paths_of(attempt).work)


@pytest.mark.parametrize(
    ("code", "outcome", "error"),
    [
        ("import sys; print('why', file=sys.stderr); sys.exit(3)", "failed", "exit code 3"),
        (
            "import sys; print('why'); sys.exit(75)",
            "requeue",
            "the script asked for another try (exit code 75)",
        ),
        (
            "import os; print('why', flush=True); os.kill(os.getpid(), 9)",
            "failed",
            "killed by signal 9: by somebody, or because the machine was out of memory",
        ),
    ],
)
def test_failures_say_why(host: Host, code: str, outcome: str, error: str) -> None:
    master = host.connect()
    master.launch("a", code)
    done = master.finished("a")
    assert (done.outcome, done.error, done.stderr_tail) == (outcome, error, "why\n")


def test_a_launch_is_done_once_however_often_it_is_said(host: Host, tmp_path: Path) -> None:
    count = tmp_path / "count"
    code = f"open({str(count)!r}, 'a').write('x')"
    master = host.connect()
    for _ in range(3):
        master.launch("a", code)
    master.finished("a")
    master.launch("a", code)
    master.settle()
    end(host.agent_pid(), signal.SIGKILL)
    again = host.connect(epoch=2)
    assert again.welcome.attempts == [("a", 1)]
    again.launch("a", code)
    again.send(msg.Release("a", 1))
    again.launch("a", code)
    again.settle()
    again.launch("a", code, attempt=2)
    again.finished("a", attempt=2)
    assert count.read_text() == "xx"


def test_a_new_start_of_the_master_hears_what_an_earlier_one_had_acknowledged(host: Host) -> None:
    first = host.connect(epoch=1)
    first.launch("a", WRITE_OUTPUT)
    event = first.wait_event("finished", "a")
    first.send(msg.Ack(event.seq))
    first.settle()
    first.leave()
    same = host.connect(epoch=1)
    same.settle()
    assert not same.said(Event)
    same.leave()
    again = host.connect(epoch=2).wait_event("finished", "a")
    assert again == dataclasses.replace(event, seq=again.seq) and again.seq > event.seq


def test_what_is_not_acknowledged_is_said_again(host: Host) -> None:
    master = host.connect()
    master.launch("a", "pass")
    master.launch("b", "pass")
    first = master.wait_event("finished", "a")
    master.finished("b")
    master.send(msg.Ack(first.seq))
    master.settle()
    before = [item for item in master.said(Event) if item.seq > first.seq and item.kind == "finished"]
    assert [item.job_id for item in before] == ["b"], "whose end tells of its start too"
    master.leave()
    again = host.connect()
    again.settle()
    assert again.said(Event) == before
    end(host.agent_pid(), signal.SIGKILL)
    third = host.connect()
    third.settle()
    assert third.said(Event) == before


def test_jobs_go_on_without_a_master(host: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    master = host.connect()
    master.launch("a", WAIT_FOR_FILE.format(path=str(go)))
    master.wait_event("running", "a")
    master.leave()
    go.touch()
    assert host.connect().finished("a").outcome == "succeeded"


def test_an_older_master_is_refused_and_a_newer_one_takes_over(host: Host) -> None:
    first = host.connect(epoch=5)
    older = host.connect(epoch=4)
    assert isinstance(older.greeting, msg.Refused) and "epoch 5" in older.greeting.reason
    assert older.ended() == 0
    first.settle()
    host.connect(epoch=5).settle()
    assert first.ended() == 0
    end(host.agent_pid(), signal.SIGKILL)
    assert isinstance(host.connect(epoch=4).greeting, msg.Refused)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"gpus": [0]}, "Settings.gpus: cannot be [0]"),
        ({"cpu_slots": 0}, "Settings.cpu_slots is 0"),
        ({"nonsense": 1}, "nonsense"),
        ({"work_dir": "here"}, "allowed are absolute paths"),
    ],
)
def test_wrong_settings_are_refused_with_what_is_allowed(
    host: Host, settings: dict[str, object], problem: str
) -> None:
    greeting = host.connect(**settings).greeting
    assert isinstance(greeting, msg.Refused) and problem in greeting.reason


def test_a_lock_that_cannot_be_opened_is_told_and_not_waited_for(host: Host, tmp_path: Path) -> None:
    (tmp_path / "slots").mkdir(exist_ok=True)
    (tmp_path / "slots" / "cpu0.lock").symlink_to(tmp_path / "elsewhere")
    greeting = host.connect().greeting
    assert isinstance(greeting, msg.Refused)
    assert f"{tmp_path}/slots/cpu0.lock cannot be opened" in greeting.reason
    assert not (tmp_path / "elsewhere").exists()


def test_runs_share_the_slots_of_a_machine(host: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    one, two = host.connect("r1"), None
    one.launch("a", WAIT_FOR_FILE.format(path=str(go)))
    one.wait_event("running", "a")
    two = host.connect("r2")
    assert (one.welcome.held_by_others, two.welcome.held_by_others) == (0, 1)
    two.launch("b", "pass")
    two.settle()
    assert not two.said(Event)
    go.touch()
    ended = one.wait_event("finished", "a")
    started = two.wait_event("running", "b")
    assert started.at >= ended.detail.started_at + ended.detail.duration_s
    two.wait(lambda item: item == Slots(0))


def test_garbage_ends_the_connection_and_not_the_agent(host: Host) -> None:
    for garbage in (b"hello?\n", b'{"type":"launch"}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n"):
        master = host.connect()
        pid = host.agent_pid()
        master.send_bytes(garbage)
        assert master.ended() == 0
        assert host.agent_pid() == pid and is_alive(pid)


def test_ten_thousand_launches_at_once(host: Host) -> None:
    master = host.connect()
    name = content_of({"x": "y"})
    mounts = [{"at": "m", "artefact": name}]
    master.send(*(msg.Launch(f"j{index}", 1, 2, ["{python}"], mounts) for index in range(10_000)))
    master.settle()
    assert master.said(msg.Wanted) == [msg.Wanted(name)]
    master.send(*(msg.Cancel(f"j{index}", 1) for index in range(10_000)))
    assert master.finished("j9999").outcome == "cancelled"
    events = master.said(Event)
    assert [item.seq for item in events] == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("launch", "error"),
    [
        ({"mounts": [{"at": "data", "path": "data"}]}, "'data' is not an absolute path"),
        ({"mounts": [{"at": "../x", "path": "/tmp"}]}, "allowed are relative paths without .."),
        ({"argv": ["no-such-program"]}, "no-such-program: no such program"),
        ({"base_model": "short"}, "'short' is not a content hash"),
        ({"phase": 3}, "phase is 3, allowed are 1 and 2"),
    ],
)
def test_what_cannot_be_started_is_refused_with_the_reason(
    host: Host, launch: dict[str, object], error: str
) -> None:
    master = host.connect()
    master.launch("a", "pass", **launch)
    done = master.finished("a")
    assert done.outcome == "refused" and done.error and error in done.error


def test_code_is_shown_in_the_working_directory(host: Host, tmp_path: Path) -> None:
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "x.pt").write_text("p1")
    code = host.connect()
    name = host.deliver(
        {
            "run.sh": "#!/bin/sh\ncat data/p1/x.pt data/readme lib/a.py; ls\n",
            "data/readme": "R",
            "lib/a.py": "A",
        }
    )
    (host.work().incoming("r1", name) / "run.sh").chmod(0o755)
    code.send(msg.Delivered(name))
    mounts = [{"at": "", "artefact": name}, {"at": "data/p1", "path": str(tmp_path / "p1")}]
    code.launch("a", "", argv=["run.sh"], mounts=mounts)
    done = code.finished("a")
    assert done.inline == {"": base64.b64encode(b"p1RAdata\nlib\nrun.sh\n").decode()}, done


def test_progress_is_told(host: Host, tmp_path: Path) -> None:
    go = tmp_path / "go"
    report = (
        "import os\n"
        "open(os.environ['TWOPHASE_PROGRESS_FILE'], 'a').write('{\"epoch\": 3, \"epochs\": 9}\\n')\n"
        "print('a line\\rloss 0.5', flush=True)\n"
    )
    master = host.connect()
    master.launch("a", report + WAIT_FOR_FILE.format(path=str(go)))
    # The agent may look between the two.
    told = Progress("a", 1, Said("loss 0.5", epoch=3, epochs=9))
    master.wait(lambda item: item == told)
    go.touch()
    master.finished("a")


def test_a_state_directory_that_cannot_be_is_a_clear_error(host: Host) -> None:
    host.state_dir.write_text("in the way")
    done = subprocess.run(host.argv("r1"), input=b"", capture_output=True, env=host.env, timeout=PATIENCE_S)
    assert done.returncode == 1 and done.stdout == b""
    assert b"worker_agent: cannot start the agent" in done.stderr and b"Not a directory" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_agent_runs_from_one_zipped_file(host: Host, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        ROOT / "worker_agent", source / "worker_agent", ignore=shutil.ignore_patterns("__pycache__")
    )
    (source / "__main__.py").write_text(
        "import sys\nfrom worker_agent.__main__ import main\nsys.exit(main())\n"
    )
    zipapp.create_archive(source, tmp_path / "agent.pyz")
    host.program = [str(tmp_path / "agent.pyz")]
    del host.env["PYTHONPATH"]
    master = host.connect()
    master.launch("a", WRITE_OUTPUT)
    assert master.finished("a").outcome == "succeeded"


def test_data_that_is_not_here_is_the_workers_fault(host: Host) -> None:
    master = host.connect()
    master.launch("a", "pass", mounts=[{"at": "data", "path": "/nowhere/at/all"}])
    done = master.finished("a")
    assert done.outcome == "worker_fault" and done.error and "/nowhere/at/all does not exist" in done.error


def test_a_job_that_the_disk_has_no_room_for_is_the_workers_fault_and_the_agent_lives(host: Host) -> None:
    master = host.connect()
    attempts = host.work().run("r1") / "attempts"
    attempts.write_text("in the way")
    master.launch("a", "pass")
    done = master.finished("a")
    assert done.outcome == "worker_fault" and done.error and f"cannot prepare {attempts}" in done.error
    attempts.unlink()
    master.launch("a", "pass", attempt=2)
    assert master.finished("a", attempt=2).outcome == "succeeded"


def test_the_socket_is_made_anew_where_a_cleaner_removed_it(host: Host) -> None:
    first = host.connect()
    pid = host.agent_pid()
    host.layout().socket.unlink()
    first.settle()
    host.connect().settle()
    assert host.agent_pid() == pid
