"""The agent as a master meets it: over pipes, with real processes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import zipapp
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_harness import (
    PATIENCE_S,
    PYTHON,
    ROOT,
    Host,
    end,
    is_alive,
    pids_in,
    pids_of,
    until,
)
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import FileDigest, content_hash
from worker_agent.results import tail_of

WRITE_OUTPUT = "import os; open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/out.txt', 'w').write('o')"
TWO_PROCESSES = '''
import os, pathlib, signal, subprocess, sys
code = """import signal
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)
print(flush=True)
signal.pause()"""
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)
child.stdout.readline()
pathlib.Path({path!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
signal.pause()
'''
WAIT_FOR_FILE = "import pathlib, time\nwhile not pathlib.Path({path!r}).exists(): time.sleep(0.01)"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.close()


def test_a_job_runs_and_its_small_results_come_inline(host: Host) -> None:
    master = host.connect()
    master.launch("alpha/a", WRITE_OUTPUT + "; print('hello')", base_model_hash="s" * 64)
    done = master.finished("alpha/a")
    assert (done.outcome, done.exit_code, done.error, done.slot) == ("succeeded", 0, None, "cpu0")
    assert [row[0] for row in done.files] == ["out.txt"]
    assert done.inline == {"out.txt": base64.b64encode(b"o").decode(), "": "aGVsbG8K"}
    assert done.log and done.log[:2] == ["log.txt", 6]
    assert done.duration_s and done.peak_rss_bytes and done.started_at


def test_a_job_sees_the_contract(host: Host, tmp_path: Path) -> None:
    master = host.connect(env={"EXTRA": "settings"})
    code = "import json, os; print(json.dumps({**os.environ, 'CWD': os.getcwd()}))"
    master.launch("alpha/a", code, phase=1, base_model_hash="f" * 64, env={"MINE": "launch"})
    master.finished("alpha/a")
    attempt = host.work().attempt("r1", "alpha/a", 1)
    env = json.loads(attempt.log.read_text())
    assert env["TWOPHASE_JOB_ID"] == "alpha/a" and env["TWOPHASE_ATTEMPT"] == "1"
    assert env["TWOPHASE_PHASE"] == "1" and env["TWOPHASE_BASE_MODEL_HASH"] == "f" * 64
    assert env["TWOPHASE_BASE_MODEL_DIR"] == str(attempt.base_model)
    assert env["TWOPHASE_OUTPUT_DIR"] == str(attempt.output)
    assert env["TWOPHASE_PROGRESS_FILE"] == str(attempt.progress)
    assert Path(env["TWOPHASE_CHECKPOINT_DIR"]).is_dir()
    assert (env["EXTRA"], env["MINE"]) == ("settings", "launch")
    assert (env["CUDA_VISIBLE_DEVICES"], env["CUDA_DEVICE_ORDER"]) == ("", "PCI_BUS_ID")
    assert env["OMP_NUM_THREADS"] == env["MKL_NUM_THREADS"] == str(len(os.sched_getaffinity(0)))
    assert env["CWD"] == str(attempt.work)


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
    assert again.welcome.attempts == [["a", 1]]
    again.launch("a", code)
    again.send(msg.Release("a", 1))
    again.launch("a", code)
    again.settle()
    again.launch("a", code, attempt=2)
    again.finished("a", attempt=2)
    assert count.read_text() == "xx"


def test_a_killed_agent_leaves_nothing_running(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(path)))
    master.launch("queued", WRITE_OUTPUT)
    pids = pids_in(path, 2)
    master.settle()
    end(host.agent_pid(), signal.SIGKILL)
    assert all(map(is_alive, pids))
    again = host.connect(epoch=2)
    lost = again.finished("a")
    assert lost.outcome == "lost" and lost.error
    assert again.finished("queued").outcome == "lost"
    assert not any(map(is_alive, pids))
    again.launch("a", WRITE_OUTPUT, attempt=2)
    assert again.finished("a", attempt=2).outcome == "succeeded"


def test_what_is_not_acknowledged_is_said_again(host: Host) -> None:
    master = host.connect()
    master.launch("a", "pass")
    master.launch("b", "pass")
    first = master.wait_event("finished", "a")
    master.finished("b")
    master.send(msg.Ack(first.seq))
    master.settle()
    before = [item for item in master.said(msg.Event) if item.seq > first.seq]
    master.leave()
    again = host.connect()
    again.settle()
    assert again.said(msg.Event) == before
    end(host.agent_pid(), signal.SIGKILL)
    third = host.connect()
    third.settle()
    assert third.said(msg.Event) == before


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
        ({"gpus": [0]}, "Settings.gpus is [0]"),
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
    assert (one.welcome.foreign, two.welcome.foreign) == (0, 1)
    two.launch("b", "pass")
    two.settle()
    assert not two.said(msg.Event)
    go.touch()
    ended = one.wait_event("finished", "a")
    started = two.wait_event("running", "b")
    assert started.at >= ended.detail["started_at"] + ended.detail["duration_s"]
    two.wait(lambda item: item == msg.Slots(0))


def test_eight_attempts_want_an_artefact_once(host: Host) -> None:
    master = host.connect()
    name = content_of({"data.txt": "d"})
    for index in range(8):
        code = "print(open('inputs/data.txt').read())"
        master.launch(f"j{index}", code, mounts=[{"at": "inputs", "artefact": name}])
    master.settle()
    assert master.said(msg.Wanted) == [msg.Wanted(name)]
    assert [item.kind for item in master.said(msg.Event)] == ["staging"] * 8
    again = host.connect()
    again.settle()
    assert again.said(msg.Wanted) == [msg.Wanted(name)]
    assert host.deliver({"data.txt": "d"}) == name
    again.send(msg.Delivered(name))
    assert [again.finished(f"j{index}").outcome for index in range(8)] == ["succeeded"] * 8
    assert len(again.said(msg.Wanted)) == 1
    assert host.connect().welcome.cached == [name]


def content_of(files: dict[str, str]) -> str:
    digests = [
        FileDigest(path, len(text), hashlib.sha256(text.encode()).hexdigest()) for path, text in files.items()
    ]
    return content_hash(digests)


def test_what_is_not_what_its_hash_says_is_rejected(host: Host) -> None:
    master = host.connect()
    name = content_of({"data.txt": "right"})
    master.launch("a", "pass", mounts=[{"at": "d", "artefact": name}])
    master.wait(lambda item: isinstance(item, msg.Wanted))
    host.deliver({"data.txt": "wrong"}, name=name)
    master.send(msg.Delivered(name))
    rejected = master.wait(lambda item: isinstance(item, msg.Rejected))
    assert rejected.content_hash == name and "instead of" in rejected.problem
    assert (host.work().set_aside(name) / "data.txt").read_text() == "wrong"
    assert not host.work().cached(name).exists()
    host.deliver({"data.txt": "right"})
    master.send(msg.Delivered(name))
    assert master.finished("a").outcome == "succeeded"


def test_a_cached_artefact_that_changed_is_wanted_again(host: Host) -> None:
    master = host.connect()
    name = host.deliver({"data.txt": "right"})
    master.send(msg.Delivered(name))
    master.launch("a", "pass", mounts=[{"at": "d", "artefact": name}])
    assert master.finished("a").outcome == "succeeded"
    cached = host.work().cached(name) / "data.txt"
    cached.chmod(0o644)
    cached.write_text("wrong")
    master.launch("b", "print(open('d/data.txt').read())", mounts=[{"at": "d", "artefact": name}])
    assert master.wait(lambda item: isinstance(item, msg.Wanted)) == msg.Wanted(name)
    host.deliver({"data.txt": "right"})
    master.send(msg.Delivered(name))
    done = master.finished("b")
    assert done.inline == {"": base64.b64encode(b"right\n").decode()}


LEGACY_PHASE_1 = """
import pathlib
base = pathlib.Path("experiments/base_models/my_base")
base.mkdir(parents=True)
(base / "best.pt").write_text("weights")
(pathlib.Path("experiments") / "notes.txt").write_text("n")
"""
LEGACY_PHASE_2 = """
import pathlib
weights = pathlib.Path("experiments/base_models/my_base/best.pt").read_text()
result = pathlib.Path("experiments/alpha/fold0_p1")
result.mkdir(parents=True)
(result / "metrics.json").write_text(weights)
"""


def test_a_script_that_knows_only_experiments_works_unchanged(host: Host) -> None:
    master = host.connect()
    master.launch("base_models/s1", LEGACY_PHASE_1, phase=1)
    made = master.finished("base_models/s1")
    assert made.outcome == "succeeded" and made.base_model
    assert made.base_model["name"] == "my_base"
    assert [row[0] for row in made.base_model["files"]] == ["best.pt"]
    assert [row[0] for row in made.files] == ["notes.txt"]
    name = made.base_model["content_hash"]
    assert (host.work().cached(name) / "best.pt").read_text() == "weights"
    mounts = [{"at": "experiments/base_models/my_base", "artefact": name}]
    master.launch("alpha/fold0_p1", LEGACY_PHASE_2, base_model=name, mounts=mounts)
    done = master.finished("alpha/fold0_p1")
    assert [row[0] for row in done.files] == ["metrics.json"]
    assert not master.said(msg.Wanted)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("pass", "left no base model"),
        (
            "import pathlib\nfor n in 'ab':\n p = pathlib.Path('experiments/base_models', n)\n"
            " p.mkdir(parents=True); (p / 'x').touch()",
            "several base models: a, b",
        ),
        (
            "import os, pathlib\np = pathlib.Path(os.environ['TWOPHASE_BASE_MODEL_DIR'])\n"
            "(p / 'manifest.json').touch(); (p / 'x').touch()",
            "manifest.json",
        ),
    ],
)
def test_a_base_model_that_is_none_fails_with_the_reason(host: Host, code: str, error: str) -> None:
    master = host.connect()
    master.launch("base_models/s1", code, phase=1)
    done = master.finished("base_models/s1")
    assert done.outcome == "failed" and done.error and error in done.error and done.base_model is None


def test_cancel_ends_what_ignores_signals_with_its_children(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(path)))
    master.launch("queued", "pass")
    pids = pids_in(path, 2)
    master.send(msg.Recall("a", 1), msg.Recall("queued", 1), msg.Cancel("unknown", 7))
    assert master.finished("queued").outcome == "cancelled"
    assert all(map(is_alive, pids))
    master.send(msg.Cancel("a", 1))
    done = master.finished("a")
    assert (done.outcome, done.exit_code) == ("cancelled", -9)
    assert not any(map(is_alive, pids))


def test_a_job_that_takes_too_long_is_ended(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(tmp_path / "pids")), timeout_s=0.5)
    pid = master.wait_event("running", "a").detail["pid"]
    done = master.finished("a")
    assert done.outcome == "timeout" and done.error == "stopped after 0.5 s, its time limit"
    assert not is_alive(pid) and not pids_of(host.work().attempt("r1", "a", 1).output)


def test_a_process_that_left_its_group_does_not_outlive_its_job(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    code = f"""
import os, pathlib, signal
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    pathlib.Path({str(path)!r}).write_text(str(os.getpid()))
    os.write(writer, b"x")
    signal.pause()
os.read(reader, 1)
"""
    master = host.connect()
    master.launch("a", code)
    assert master.finished("a").outcome == "succeeded"
    assert not any(map(is_alive, pids_in(path, 1)))


def test_the_agent_ends_its_jobs_when_it_is_told_to_end(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(path)))
    pids = pids_in(path, 2)
    end(host.agent_pid(), signal.SIGTERM)
    assert master.finished("a").outcome == "lost"
    assert not any(map(is_alive, pids))
    assert host.connect().finished("a").outcome == "lost"


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
    events = master.said(msg.Event)
    assert [item.seq for item in events] == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("launch", "error"),
    [
        ({"mounts": [{"at": "data", "path": "/nowhere/at/all"}]}, "/nowhere/at/all does not exist"),
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
    told = msg.Progress("a", 1, {"epoch": 3, "epochs": 9, "line": "loss 0.5"})
    master.wait(lambda item: item == told)
    go.touch()
    master.finished("a")


def test_after_shutdown_nothing_is_left(host: Host) -> None:
    master = host.connect()
    pid = host.agent_pid()
    master.launch("a", WRITE_OUTPUT)
    master.send(msg.Shutdown())
    event = master.wait_event("finished", "a")
    master.settle()
    master.send(msg.Ack(event.seq))
    assert master.ended() == 0
    until(lambda: not is_alive(pid))
    assert not host.layout().root.exists() and not host.work().run("r1").exists()


def test_a_process_that_nothing_tells_of_does_not_outlive_the_agent(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    code = f"""
import os, pathlib, sys
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    write = "import os, signal, pathlib; pathlib.Path({str(path)!r}).write_text(str(os.getpid()));"
    os.set_inheritable(writer, True)
    program = f"{{write}} os.write({{writer}}, b'x'); signal.pause()"
    os.execve(sys.executable, [sys.executable, "-c", program], {{}})
os.read(reader, 1)
"""
    master = host.connect()
    agent = host.agent_pid()
    master.launch("a", code)
    assert master.finished("a").outcome == "succeeded"
    (pid,) = pids_in(path, 1)
    end(agent, signal.SIGTERM)
    assert master.ended() == 0
    until(lambda: not is_alive(agent))
    assert not is_alive(pid)


def test_a_state_directory_that_cannot_be_is_a_clear_error(host: Host) -> None:
    host.state_dir.write_text("in the way")
    done = subprocess.run(host.argv("r1"), input=b"", capture_output=True, env=host.env, timeout=PATIENCE_S)
    assert done.returncode == 1 and done.stdout == b""
    assert b"worker_agent: cannot start the agent" in done.stderr and b"Not a directory" in done.stderr
    assert len(done.stderr.splitlines()) == 1


FAILS = """
import sys
from pathlib import Path
from worker_agent import daemon
from worker_agent.protocol.layout import StateLayout
def serve(layout, digest, ready):
    ready()
    with open(layout.root / "reused", "wb"):
        raise OSError("no more of it")
daemon.serve = serve
layout = StateLayout(Path(sys.argv[1]), "host", "r1")
print(daemon.start_detached(layout, "d"), layout.log, layout.root / "reused")
"""


def test_an_agent_that_fails_while_it_serves_says_so_in_its_log_and_nowhere_else(tmp_path: Path) -> None:
    argv = [PYTHON, "-c", FAILS, str(tmp_path / "state")]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    problem, log, other = done.stdout.split()
    assert problem == "None"
    until(lambda: "OSError: no more of it" in Path(log).read_text())
    assert Path(other).read_text() == ""


def test_an_agent_that_nobody_needs_ends_and_remembers(host: Host) -> None:
    host.env["TWOPHASE_AGENT_IDLE_S"] = "2"
    master = host.connect(epoch=3)
    pid = host.agent_pid()
    master.launch("a", "pass")
    event = master.wait_event("finished", "a")
    master.leave()
    until(lambda: not is_alive(pid))
    again = host.connect(epoch=4)
    assert again.welcome.attempts == [["a", 1]]
    assert again.wait_event("finished", "a") == event


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


def test_a_job_that_the_disk_has_no_room_for_is_refused_and_the_agent_lives(host: Host) -> None:
    master = host.connect()
    attempts = host.work().run("r1") / "attempts"
    attempts.write_text("in the way")
    master.launch("a", "pass")
    done = master.finished("a")
    assert done.outcome == "refused" and done.error and f"cannot prepare {attempts}" in done.error
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


def test_a_silent_job_is_ended_and_one_that_only_tells_progress_goes_on(host: Host, tmp_path: Path) -> None:
    master = host.connect(cpu_slots=2)
    stall_s = 3.0
    tell = (
        "import os, time\n"
        "path = os.environ['TWOPHASE_PROGRESS_FILE']\n"
        f"for epoch in range({round(stall_s * 12)}):\n"
        "    open(path, 'a').write('{}\\n')\n"
        "    time.sleep(0.1)\n"
    )
    master.launch("silent", TWO_PROCESSES.format(path=str(tmp_path / "pids")), stall_timeout_s=0.5)
    master.launch("telling", tell, stall_timeout_s=stall_s)
    done = master.finished("silent")
    assert (done.outcome, done.error) == ("stalled", "no log line and no progress for 0.5 s")
    assert not pids_of(host.work().attempt("r1", "silent", 1).output)
    assert master.finished("telling").outcome == "succeeded"


def test_a_flood_is_kept_within_its_limit_while_other_jobs_go_on(host: Host, tmp_path: Path) -> None:
    limit = 1 << 20
    master = host.connect(cpu_slots=2, log_limit_bytes=limit)
    go = tmp_path / "go"
    flood = (
        "import os, pathlib\n"
        "block = (b'x' * 63 + b'\\n') * 1024\n"
        "for _ in range(3200): os.write(1, block)\n"
        + WAIT_FOR_FILE.format(path=str(go))
        + "\nprint('the end')"
    )
    master.launch("flood", flood)
    master.wait_event("running", "flood")
    for number in range(20):
        master.launch(f"other{number}", "pass")
        assert master.finished(f"other{number}").outcome == "succeeded"
        master.settle()
    log = host.work().attempt("r1", "flood", 1).log
    until(lambda: log.stat().st_size == 3200 * 65536 and log.stat().st_blocks * 512 <= limit + 8192)
    go.touch()
    done = master.finished("flood")
    assert done.outcome == "succeeded" and done.log and done.log[1] <= limit
    assert done.log[1:] == [log.stat().st_size, hashlib.sha256(log.read_bytes()).hexdigest()]
    assert log.read_text().startswith("xxx") and log.read_text().endswith("x\nthe end\n")
    assert "bytes cut: the log is larger than 1,048,576 bytes" in log.read_text()


RESUME = """
import os, pathlib, signal, sys
folder = pathlib.Path(os.environ["TWOPHASE_CHECKPOINT_DIR"])
found = sorted(path.name for path in folder.iterdir())
print("found", found, flush=True)
if found:
    sys.exit(0)
def save(*_):
    (folder / "epoch3").write_text("state")
    sys.exit(75)
signal.signal(signal.SIGINT, save)
(folder / "ready").touch()
(folder / "ready").unlink()
pathlib.Path({ready!r}).touch()
while True: signal.pause()
"""


def test_a_checkpoint_written_at_the_end_moves_to_another_worker(host: Host, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    master, code = host.connect(kill_grace_s=PATIENCE_S), RESUME.format(ready=str(ready))
    master.launch("alpha/a", code, timeout_s=600.0)
    until(ready.exists)
    master.send(msg.Cancel("alpha/a", 1))
    done = master.finished("alpha/a")
    assert (done.outcome, done.exit_code) == ("cancelled", 75) and done.checkpoint
    assert [row[0] for row in done.checkpoint["files"]] == ["epoch3"]
    name = done.checkpoint["content_hash"]
    other = Host(tmp_path / "other")
    try:
        there = other.connect()
        there.launch("alpha/a", code, attempt=2, checkpoint=name, checkpoint_attempt=1)
        assert there.wait(lambda item: isinstance(item, msg.Wanted)) == msg.Wanted(name)
        shutil.copytree(host.work().checkpoints("r1", "alpha/a", 1), other.work().incoming("r1", name))
        there.send(msg.Delivered(name))
        done = there.finished("alpha/a", 2)
        assert done.outcome == "succeeded" and done.checkpoint is None
        assert other.work().attempt("r1", "alpha/a", 2).log.read_text() == "found ['epoch3']\n"
        there.send(msg.Release("alpha/a", 2))
        until(lambda: not other.work().checkpoints("r1", "alpha/a", 2).exists())
    finally:
        other.close()
    master.launch("alpha/a", code, attempt=3, checkpoint=name, checkpoint_attempt=1)
    assert master.finished("alpha/a", 3).outcome == "succeeded"
    assert not master.said(msg.Wanted)
    master.send(msg.Forget("alpha/a"))
    until(lambda: not host.work().checkpoints("r1", "alpha/a", 3).exists())


def test_the_end_of_a_log_is_short_however_fast_it_grows(tmp_path: Path) -> None:
    log, lengths = tmp_path / "log.txt", set()
    with log.open("ab") as stream, subprocess.Popen(["yes"], stdout=stream) as flood:
        try:
            until(lambda: log.stat().st_size > 1 << 20)
            while not lengths or log.stat().st_size < 1 << 27:
                lengths.add(len(tail_of(log)))
            assert lengths == {4096}
        finally:
            flood.kill()
