"""A place to run attempts in, with libraries of its own."""

from __future__ import annotations

import os
import select
import sys
import textwrap
import time
from pathlib import Path

from worker_agent.core.execution import Exit
from worker_agent.executors.base import Invocation
from worker_agent.executors.choice import Executors

PATIENCE_S = 60.0


class Lab:
    """A working directory, libraries of its own, and a place to run attempts in."""

    def __init__(self, root: Path) -> None:
        self.executors = Executors()
        self.work = root / "work"
        self.libraries = root / "site-packages"
        self.log = root / "log.txt"
        self.env = {**os.environ, "PYTHONPATH": str(self.libraries), "TWOPHASE_OUTPUT_DIR": str(root)}
        self.work.mkdir()
        self.libraries.mkdir()
        self.library("slow", "import os\nbirth = os.getpid()\n")
        self.pids: list[int] = []

    def library(self, name: str, text: str) -> Path:
        path = self.libraries / f"{name}.py"
        path.write_text(textwrap.dedent(text))
        return path

    def script(self, text: str, name: str = "train.py") -> str:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return name

    def start(self, kind: str, *argv: str, python: str = sys.executable) -> None:
        self.log.unlink(missing_ok=True)
        mark = f"TWOPHASE_OUTPUT_DIR={self.env['TWOPHASE_OUTPUT_DIR']}"
        invocation = Invocation([python, *argv], self.env, str(self.work), str(self.log), mark, None, kind)
        pid = self.executors.start(("a", 1), invocation)
        self.pids = [pid] if pid else []

    def end(self) -> Exit:
        """Wait for the only attempt to end."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.pids += [started.pid for started in self.executors.started()]
            ended = self.executors.poll()
            if ended:
                return ended[0]
            select.select([self.executors], [], [], 0.005)
        raise AssertionError("the attempt does not end")

    def run(self, kind: str, *argv: str, python: str = sys.executable) -> tuple[Exit, str]:
        self.start(kind, *argv, python=python)
        ended = self.end()
        return ended, self.log.read_text() if self.log.exists() else ""

    def warm(self, *argv: str) -> str:
        """Run a job that must be warm and succeed; return what it printed."""
        ended, text = self.run("warm", *argv)
        assert (ended.exit_code, ended.executor, ended.note) == (0, "warm", ""), text
        return text

    def refused(self, *argv: str) -> str:
        """Run a job that must fall back to a process and succeed; return why it did."""
        ended, text = self.run("warm", *argv)
        assert (ended.exit_code, ended.executor) == (0, "process"), text
        return ended.note


TRAINER = """
    import json, os, sys, threading, time
    shared = []
    def thread_main(argv, environ, output):
        shared.append(argv[0])
        print("said", argv[0])
        print("told", argv[0], file=output)
        with open("here.txt", "w") as stream:
            json.dump([os.getpid(), len(shared), environ["TWOPHASE_JOB_ID"], sys.path[0]], stream)
        if argv[0] == "crash":
            os.abort()
        if argv[0] == "fail":
            raise ValueError("no")
        if argv[0] == "exit":
            sys.exit("because")
        while argv[0] == "stay" or argv[0] == "stubborn":
            try:
                time.sleep(0.01)
            except KeyboardInterrupt:
                if argv[0] == "stay":
                    raise
        return int(argv[0])
    """

GROUP_MAIN = """
def group_main(members):
    for member in members:
        with open(os.path.join(member.directory, "pid.txt"), "w") as stream:
            stream.write(str(os.getpid()))
        print("one of", len(members), file=member.output)
    left = []
    for member in members:
        if member.argv[0] == "poison":
            raise ValueError("a poisoned one")
        if member.argv[0] == "wait":
            left.append(member)
        else:
            member.finish(int(member.argv[0]))
    while left and not left[0].cancelled():
        time.sleep(0.01)
    for member in left:
        member.finish(130)
"""
