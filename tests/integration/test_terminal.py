"""What becomes of a run whose terminal goes away."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.runs import ROOT, Run, search

CHILD = """
import os, signal, sys
from queue import SimpleQueue
from master.runs.stop_signals import Stops, on_signals
with on_signals(Stops(SimpleQueue()).ask):
    signal.raise_signal(signal.SIGHUP)
    print("after", flush=True)
    sys.stderr.write("after\\n")
    sys.stderr.flush()
"""


@pytest.fixture(autouse=True)
def own_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")


def test_a_run_goes_on_when_its_terminal_closes(tmp_path: Path) -> None:
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "state")}
    run = Run(tmp_path, [worker], search(folds=1, seconds=0.3))
    argv, environ = run.argv(), {**run.environ(), "TERM": "xterm"}
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(argv[0], argv, environ)
    seen = b""
    while b"up, 2 jobs at a time" not in seen:
        seen += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    run.check_complete(jobs=5, base_models=1)


def test_output_to_a_file_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "nohup.out"
    with out.open("w") as stream:
        subprocess.run(
            [sys.executable, "-c", CHILD],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=True,
        )
    assert out.read_text() == "after\nafter\n"


def test_output_to_a_pipe_whose_reader_is_gone_ends_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", CHILD], cwd=ROOT, stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_third_signal_leaves_at_once_and_gives_the_cursor_back(number: signal.Signals) -> None:
    child, terminal = pty.fork()
    code = CHILD.replace("signal.SIGHUP)", f"{int(number)})").replace(
        "    print",
        f"    signal.raise_signal({int(number)})\n    signal.raise_signal({int(number)})\n    print",
    )
    if child == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", code])
    said = b""
    with contextlib.suppress(OSError):  # the last one has closed the terminal
        while more := os.read(terminal, 4096):
            said += more
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"\x1b[?25h" in said and b"after" not in said
