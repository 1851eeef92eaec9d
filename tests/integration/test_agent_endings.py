"""How jobs and agents end, asked and unasked, and that nothing of them is left."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from pathlib import Path

from tests.integration.agent_harness import (
    PATIENCE_S,
    PYTHON,
    ROOT,
    TWO_PROCESSES,
    WAIT_FOR_FILE,
    WRITE_OUTPUT,
    Host,
    end,
    is_alive,
    pids_in,
    pids_of,
    until,
)
from tests.support.attempt_paths import paths_of
from worker_agent.attempts.results import tail_of
from worker_agent.protocol import messages as msg


def test_what_a_killed_agent_leaves_running_is_ended_by_the_next_when_it_is_told_to(
    host: Host, tmp_path: Path
) -> None:
    path = tmp_path / "pids"
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(path)))
    master.launch("queued", WRITE_OUTPUT)
    pids = pids_in(path, 2)
    master.settle()
    end(host.agent_pid(), signal.SIGKILL)
    assert all(map(is_alive, pids))
    again = host.connect(epoch=2)
    lost = again.finished("queued")
    assert lost.outcome == "lost" and lost.error
    assert all(map(is_alive, pids))
    again.send(msg.Cancel("a", 1))
    assert again.finished("a").outcome == "cancelled"
    assert not any(map(is_alive, pids))
    again.launch("a", WRITE_OUTPUT, attempt=2)
    assert again.finished("a", attempt=2).outcome == "succeeded"


def test_cancel_ends_what_ignores_signals_with_its_children(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(path)))
    master.launch("queued", "pass")
    pids = pids_in(path, 2)
    master.send(msg.Withdraw("a", 1), msg.Withdraw("queued", 1), msg.Cancel("unknown", 7))
    assert master.finished("queued").outcome == "cancelled"
    assert all(map(is_alive, pids))
    master.send(msg.Cancel("a", 1))
    done = master.finished("a")
    assert (done.outcome, done.exit_code) == ("cancelled", -9)
    assert not any(map(is_alive, pids))


def test_a_job_that_takes_too_long_is_ended(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(tmp_path / "pids")), timeout_s=0.5)
    pid = master.wait_event("running", "a").detail.pid
    done = master.finished("a")
    assert done.outcome == "timeout" and done.error == "stopped after 0.5 s, its time limit"
    assert not is_alive(pid) and not pids_of(paths_of(host.work().attempt("r1", "a", 1)).output)


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


LEAVES_SOME = """
import subprocess, sys
for session in (False, True):
    subprocess.Popen(["sleep", f"60{int(session)}"], start_new_session=session)
"""


def test_what_a_job_left_running_is_ended_and_named(host: Host) -> None:
    master = host.connect()
    master.launch("a", LEAVES_SOME)
    done = master.finished("a")
    assert (done.outcome, done.left_running) == ("succeeded", ["sleep 600", "sleep 601"])
    assert not pids_of(paths_of(host.work().attempt("r1", "a", 1)).output)


def test_what_was_ended_on_request_left_nothing_running(host: Host, tmp_path: Path) -> None:
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(tmp_path / "pids")), timeout_s=0.5)
    assert master.finished("a").left_running == []


def test_the_agent_ends_its_jobs_when_it_is_told_to_end(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "pids"
    master = host.connect()
    master.launch("a", TWO_PROCESSES.format(path=str(path)))
    pids = pids_in(path, 2)
    end(host.agent_pid(), signal.SIGTERM)
    assert master.finished("a").outcome == "lost"
    assert not any(map(is_alive, pids))
    assert host.connect().finished("a").outcome == "lost"


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


FAILS = """
import sys
from pathlib import Path
from worker_agent.runtime import daemon
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
    assert again.welcome.attempts == [("a", 1)]
    assert again.wait_event("finished", "a") == event


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
    assert not pids_of(paths_of(host.work().attempt("r1", "silent", 1)).output)
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
    log = paths_of(host.work().attempt("r1", "flood", 1)).log
    until(lambda: log.stat().st_size == 3200 * 65536 and log.stat().st_blocks * 512 <= limit + 8192)
    go.touch()
    done = master.finished("flood")
    assert done.outcome == "succeeded" and done.log and done.log.size <= limit
    assert done.log[1:] == (log.stat().st_size, hashlib.sha256(log.read_bytes()).hexdigest())
    assert log.read_text().startswith("xxx") and log.read_text().endswith("x\nthe end\n")
    assert "bytes cut: the log is larger than 1,048,576 bytes" in log.read_text()


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


def test_a_job_that_deletes_its_working_directory_keeps_its_results(host: Host) -> None:
    master = host.connect()
    master.launch("a", f"{WRITE_OUTPUT}; import shutil; shutil.rmtree(os.getcwd()); print('done')")
    done = master.finished("a")
    assert (done.outcome, [row[0] for row in done.files]) == ("succeeded", ["out.txt"])
    master.send(msg.Release("a", 1))
    master.launch("b", WRITE_OUTPUT)
    assert master.finished("b").outcome == "succeeded"


def test_a_job_that_moves_its_working_directory_away_leaves_the_next_one_its_own(
    host: Host, tmp_path: Path
) -> None:
    master = host.connect()
    master.launch("a", f"{WRITE_OUTPUT}; os.rename(os.getcwd(), {str(tmp_path / 'away')!r})")
    assert master.finished("a").outcome == "succeeded"
    master.send(msg.Release("a", 1))
    master.launch("b", "import os; print(sorted(os.listdir('.')))")
    done = master.finished("b")
    assert done.outcome == "succeeded"
