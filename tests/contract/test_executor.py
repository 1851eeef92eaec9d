"""What every executor must do, whatever it runs attempts with."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_agent.core.execution import Exit, Key, StartError
from worker_agent.executors import process
from worker_agent.executors.base import Invocation
from worker_agent.executors.choice import Executors
from worker_agent.system import exits, processes

PATIENCE_S = 60.0
KEY = ("alpha/a", 1)
TELL_OPEN_FILES = """
import os
links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
print(sorted(os.readlink(link) for link in links if os.path.islink(link)))
"""


class Stage:
    """An executor whose starts are waited for, and that must have run what it was asked to run."""

    def __init__(self, executor: Stage, kind: str) -> None:
        self._executor, self._kind = executor, kind
        self.stop, self.wait_s = executor.stop, executor.wait_s

    def start(self, key: Key, invocation: Invocation) -> int:
        pid = self._executor.start(key, dataclasses.replace(invocation, executor=self._kind))
        deadline = time.monotonic() + PATIENCE_S
        while pid is None:
            assert time.monotonic() < deadline
            select.select([], [], [], 0.002)
            for started in self._executor.started():
                assert (started.key, started.problem) == (key, "")
                pid = started.pid
        return pid

    def poll(self) -> list[Exit]:
        ended = self._executor.poll()
        assert all((item.executor, item.note) == (self._kind, "") for item in ended)
        return ended


@pytest.fixture(params=["posix_spawn", "popen", "warm"])
def executor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    def unsupported(*_: object) -> int:
        raise NotImplementedError

    if request.param == "popen":
        monkeypatch.setattr(process, "_posix_spawn", unsupported)
    here = Path.cwd()
    executor = Executors() if request.param == "warm" else process.ProcessExecutor()
    yield Stage(executor, "warm" if request.param == "warm" else "process")
    executor.close()
    os.chdir(here)


def invocation(tmp_path: Path, code: str, *argv: str) -> Invocation:
    env = {**os.environ, "TWOPHASE_OUTPUT_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, *argv]
    return Invocation(
        command, env, str(tmp_path), str(tmp_path / "log.txt"), f"TWOPHASE_OUTPUT_DIR={tmp_path}"
    )


def exit_of(executor: Stage) -> Exit:
    """Wait for the only attempt to end."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ended = executor.poll()
        if ended:
            assert len(ended) == 1
            return ended[0]
        select.select([], [], [], 0.005)
    raise AssertionError("the attempt does not end")


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)
    return path.read_text()


def alive(pid: int) -> bool:
    found = processes.read_process(pid)
    return found is not None and found.alive


def test_output_exit_code_and_memory_are_reported(executor: Stage, tmp_path: Path) -> None:
    pid = executor.start(
        KEY, invocation(tmp_path, "import sys; print('o'); print('e', file=sys.stderr); sys.exit(7)")
    )
    ended = exit_of(executor)
    assert (ended.key, ended.exit_code) == (KEY, 7) and ended.duration_s > 0
    assert ended.peak_rss_bytes and ended.peak_rss_bytes > 1024 * 1024
    assert sorted((tmp_path / "log.txt").read_text().split()) == ["e", "o"]
    assert not alive(pid) and executor.poll() == [] and executor.wait_s() is None


def test_a_job_has_its_directory_a_session_and_no_input(executor: Stage, tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.getsid(0) == os.getpid(), repr(sys.stdin.read()))"
    executor.start(KEY, invocation(tmp_path, code))
    assert exit_of(executor).exit_code == 0
    assert (tmp_path / "log.txt").read_text() == f"{tmp_path} True ''\n"


def test_a_job_inherits_only_what_it_is_given(executor: Stage, tmp_path: Path) -> None:
    secret, kept = os.open("/dev/zero", os.O_RDONLY), os.open("/dev/full", os.O_RDONLY)
    base = invocation(tmp_path, TELL_OPEN_FILES)
    executor.start(KEY, dataclasses.replace(base, keep_fd=kept))
    assert exit_of(executor).exit_code == 0
    assert not os.get_inheritable(kept)
    os.close(secret)
    os.close(kept)
    log = str(tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text() == f"{['/dev/full', '/dev/null', log, log]}\n"


def test_signals_are_reported_as_negative_codes(executor: Stage, tmp_path: Path) -> None:
    executor.start(KEY, invocation(tmp_path, "import os; os.kill(os.getpid(), 11)"))
    assert exit_of(executor).exit_code == -signal.SIGSEGV


def test_stop_lets_a_job_end_by_itself(executor: Stage, tmp_path: Path) -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(5));"
        "print(flush=True); signal.pause()"
    )
    executor.start(KEY, invocation(tmp_path, code))
    wait_for(tmp_path / "log.txt")
    executor.stop(KEY, PATIENCE_S)
    assert exit_of(executor).exit_code == 5


def test_stop_asks_twice_before_it_kills(executor: Stage, tmp_path: Path) -> None:
    code = """
import os, signal
signal.signal(signal.SIGINT, lambda *_: print("SIGINT", flush=True))
signal.signal(signal.SIGTERM, lambda *_: os._exit(6))
print(flush=True)
while True: signal.pause()
"""
    executor.start(KEY, invocation(tmp_path, code))
    wait_for(tmp_path / "log.txt")
    executor.stop(KEY, 0.5)
    assert exit_of(executor).exit_code == 6
    assert (tmp_path / "log.txt").read_text() == "\nSIGINT\n"


IGNORE = (
    "import signal\n"
    "for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)\n"
    "print(flush=True)\n"
    "while True: signal.pause()\n"
)


def test_stop_ends_what_ignores_it(executor: Stage, tmp_path: Path) -> None:
    executor.start(KEY, invocation(tmp_path, IGNORE))
    wait_for(tmp_path / "log.txt")
    executor.stop(KEY, 0.05)
    executor.stop(KEY, PATIENCE_S)
    assert exit_of(executor).exit_code == -signal.SIGKILL


def test_a_second_stop_shortens_the_grace_of_the_first(executor: Stage, tmp_path: Path) -> None:
    executor.start(KEY, invocation(tmp_path, IGNORE))
    wait_for(tmp_path / "log.txt")
    executor.stop(KEY, 10 * PATIENCE_S)
    executor.stop(KEY, 0.0)
    assert exit_of(executor).exit_code == -signal.SIGKILL


def test_stop_reaches_the_children_of_a_job(executor: Stage, tmp_path: Path) -> None:
    child = (
        "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7));"
        "print(flush=True); signal.pause()"
    )
    code = (
        "import signal, subprocess, sys; signal.signal(signal.SIGINT, lambda *_: None);"
        "p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=-1);"
        "p.stdout.readline(); print(flush=True); sys.exit(p.wait())"
    )
    executor.start(KEY, invocation(tmp_path, code, child))
    wait_for(tmp_path / "log.txt")
    executor.stop(KEY, PATIENCE_S)
    assert exit_of(executor).exit_code == 7


def test_no_child_outlives_its_job(executor: Stage, tmp_path: Path) -> None:
    child = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=-1);"
        "p.stdout.readline(); print(p.pid, flush=True)"
    )
    executor.start(KEY, invocation(tmp_path, code, child))
    assert exit_of(executor).exit_code == 0
    assert not alive(int((tmp_path / "log.txt").read_text()))


def test_what_cannot_be_started_says_why(executor: Stage, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    base = invocation(tmp_path, "")
    for program, why in ((tmp_path / "gone", "No such file"), (script, "interpreter"), (tmp_path, "denied")):
        with pytest.raises(StartError, match=why):
            executor.start(KEY, Invocation([str(program)], base.env, base.cwd, base.log))
    with pytest.raises(StartError, match="log"):
        executor.start(KEY, Invocation(base.argv, base.env, base.cwd, str(tmp_path / "none" / "log")))
    assert executor.poll() == [] and executor.wait_s() is None


def test_a_child_that_a_thread_reaps_itself_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, asked, os.WEXITED | os.WNOWAIT)
    look = os.waitid

    def look_too_late(*args: int) -> object:
        found = look(*args)
        if found:
            os.waitpid(found.si_pid, 0)
        return found

    monkeypatch.setattr(os, "waitid", look_too_late)
    executor = process.ProcessExecutor()
    assert executor.poll() == []
    executor.close()


def test_how_an_attempt_ended_is_written_down_before_it_is_told(tmp_path: Path) -> None:
    ends = tmp_path / "exits.jsonl"
    own = exits.OwnEnds(ends)
    executor = process.ProcessExecutor(own)
    pid = executor.start(KEY, invocation(tmp_path, "raise SystemExit(7)"))
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    ticks = processes.read_process(pid)
    executor.poll()
    executor.close()
    own.close()
    assert ticks is not None
    assert exits.exit_code(exits.read(ends)[pid, ticks.start_ticks].status) == 7


def test_stopping_what_is_not_there_is_nothing(executor: Stage) -> None:
    executor.stop(("never", 1), 0.0)
    assert executor.poll() == []
