"""A run whose jobs are in the terminal: a debugger works there."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_harness import ROOT, Host

SCRIPT = """
import argparse, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=int)
factor = parser.parse_args().lr
print("terminal", [os.isatty(number) for number in range(3)], flush=True)
breakpoint()
open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/found.txt", "w").write(str(factor))
"""


class Terminal:
    """`run_two_phase --executor inline` in a terminal, and someone who types."""

    def __init__(self, root: Path, lrs: list[int]) -> None:
        self.root = root
        worker = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(root / "state")}
        (root / "cluster.json").write_text(json.dumps({"servers": [worker]}))
        jobs = {"jobs": [{"lr": lr, "id": f"j{lr}"} for lr in lrs], "base_model": False}
        (root / "jobs.json").write_text(json.dumps(jobs))
        (root / "src").mkdir()
        (root / "src" / "train.py").write_text(SCRIPT)
        self.said = ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.execve(
                sys.executable,
                [sys.executable, "-m", "master.commands.run_two_phase", *self._argv()],
                self._environ(),
            )

    def _argv(self) -> list[str]:
        files = {"cluster-config": "cluster.json", "jobs-config": "jobs.json", "script-path": "src/train.py"}
        flags = [word for name, path in files.items() for word in (f"--{name}", str(self.root / path))]
        return [*flags, "--run-dir", str(self.root / "run"), "--executor", "inline"]

    def _environ(self) -> dict[str, str]:
        slots = str(self.root / "slots")
        return {**os.environ, "PYTHONPATH": str(ROOT), "TWOPHASE_SLOT_DIR": slots, "TERM": "dumb"}

    def until(self, text: str) -> str:
        """Read up to a text and return what came before it."""
        while text not in self.said:
            self.said += os.read(self._terminal, 4096).decode()
        before, _, self.said = self.said.partition(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def exit_code(self) -> int:
        try:
            while os.read(self._terminal, 4096):
                pass
        except OSError:
            pass  # the last one has closed the terminal
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def found(self, lr: int) -> str:
        (path,) = (self.root / "run" / "experiments").rglob(f"j{lr}/found.txt")
        return path.read_text()


@pytest.fixture(autouse=True)
def no_pdb_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("PYTHONBREAKPOINT", "PYTHONSTARTUP"):
        monkeypatch.delenv(name, raising=False)
    yield


def test_a_debugger_works_in_each_job(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, [6, 7])
    for lr in (6, 7):
        assert "terminal [True, True, True]" in terminal.until("(Pdb) ")
        terminal.type("p factor * 7\n")
        assert f"{lr * 7}" in terminal.until("(Pdb) ").split()
        terminal.type("factor = factor + 100\n")
        terminal.until("(Pdb) ")
        terminal.type("continue\n")
    assert terminal.exit_code() == 0
    assert [terminal.found(lr) for lr in (6, 7)] == ["106", "107"]


def test_control_c_is_the_debuggers(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, [6])
    terminal.until("(Pdb) ")
    terminal.type("import time; time.sleep(1000)\n")
    terminal.until("time.sleep(1000)")
    terminal.type("\x03")
    assert "KeyboardInterrupt" in terminal.until("(Pdb) ")
    terminal.type("continue\n")
    assert terminal.exit_code() == 0


def test_a_job_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, [6])
    terminal.until("(Pdb) ")
    terminal.type("import os; os._exit(3)\n")
    assert terminal.exit_code() == 1


@pytest.mark.parametrize(
    ("hosts", "why"),
    [(["localhost"], "standard input is none"), (["localhost", "gpu01"], "as its only worker")],
)
def test_inline_is_refused_where_it_cannot_be(tmp_path: Path, hosts: list[str], why: str) -> None:
    files = {
        "cluster-config": {"servers": [{"host": host, "gpus": 0} for host in hosts]},
        "jobs-config": [{"lr": 1}],
    }
    argv = [
        sys.executable,
        "-m",
        "master.commands.run_two_phase",
        "--executor",
        "inline",
        "--run-dir",
        str(tmp_path / "run"),
    ]
    for name, body in files.items():
        (tmp_path / name).write_text(json.dumps(body))
        argv += [f"--{name}", str(tmp_path / name)]
    (tmp_path / "train.py").write_text("")
    argv += ["--script-path", str(tmp_path / "train.py")]
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, why in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "run").exists()


def test_an_agent_without_a_terminal_says_so(tmp_path: Path) -> None:
    host = Host(tmp_path)
    try:
        master = host.connect()
        master.launch("a", "print()", executor="inline")
        done = master.finished("a")
        assert done.outcome == "refused" and f"kill {host.agent_pid()}" in str(done.error)
    finally:
        host.close()
