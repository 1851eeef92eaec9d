"""Real agents behind real `connect` processes, and a master to talk to them by hand."""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.agent_master import PATIENCE_S, AgentMaster
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import FileDigest, content_hash, digest_directory
from worker_agent.protocol.layout import StateLayout, WorkLayout
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.system import processes
from worker_agent.system.this_machine import hostname

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("TWOPHASE_TEST_PYTHON", sys.executable)
"""The interpreter that the agent runs on: set it to try an older one."""
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


class Host:
    """One machine: a state directory, slot locks, and the agents that were started there."""

    def __init__(self, root: Path) -> None:
        self.state_dir = root / "state"
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TWOPHASE_SLOT_DIR": str(root / "slots"),
            "TWOPHASE_AGENT_IDLE_S": "120",
        }
        self.program = ["-m", "worker_agent"]
        self._masters: list[Master] = []
        self._pids: set[int] = set()

    def layout(self, run_id: str = "r1") -> StateLayout:
        return StateLayout(self.state_dir, hostname(), run_id)

    def work(self) -> WorkLayout:
        return WorkLayout(self.layout().default_work_dir)

    def argv(self, run_id: str) -> list[str]:
        call = ["connect", "--state-dir", str(self.state_dir), "--run-id", run_id, "--digest", "d1"]
        return [PYTHON, *self.program, *call]

    def connect(self, run_id: str = "r1", epoch: int = 1, **settings: Any) -> Master:
        """Return a master that has said hello, and has an answer."""
        process = subprocess.Popen(self.argv(run_id), stdin=-1, stdout=-1, stderr=-1, env=self.env)
        master = Master(process, self.layout(run_id).log)
        self._masters.append(master)
        settings = {"cpu_slots": 1, "kill_grace_s": 0.2, **settings}
        master.send(msg.Hello(msg.PROTOCOL, run_id, epoch, settings))
        master.greeting = master.wait(lambda item: isinstance(item, (msg.Welcome, msg.Refused)))
        # An agent that refused may have ended meanwhile.
        with contextlib.suppress(FileNotFoundError):
            self._pids.add(self.agent_pid(run_id))
        return master

    def agent_pid(self, run_id: str = "r1") -> int:
        return int(self.layout(run_id).lock.read_text())

    def deliver(self, files: dict[str, str], run_id: str = "r1", name: str | None = None) -> str:
        """Put an artefact into `incoming`, under its hash or another name; return that."""
        scratch = self.state_dir / f"scratch-{time.monotonic_ns()}"
        for path, text in files.items():
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / path).write_text(text)
        name = name or content_hash(digest_directory(scratch))
        final = self.work().incoming(run_id, name)
        final.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(final)
        return name

    def close(self) -> None:
        """End all that was started here."""
        for master in self._masters:
            master.leave()
        for pid in self._pids:
            end(pid, signal.SIGTERM)


class Master(AgentMaster):
    """A connection by way of a `connect` process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        super().__init__(PREAMBLE)
        self.process, self._log = process, log
        self.greeting: Any = None

    @property
    def welcome(self) -> msg.Welcome:
        assert isinstance(self.greeting, msg.Welcome), self.greeting
        return self.greeting

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def receive(self, timeout_s: float) -> bytes:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], max(0.0, timeout_s))
        assert readable, f"silence after {self.story()}"
        return os.read(self.process.stdout.fileno(), 1 << 16)

    def ended(self) -> int:
        """Wait for the end of the connection; return the exit code."""
        while self.read():
            pass
        return self.process.wait(PATIENCE_S)

    def leave(self) -> None:
        """Drop the connection; the agent goes on."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()

    def story(self) -> str:
        log = self._log.read_text() if self._log.exists() else "none"
        return f"{super().story()}; exit code {self.process.poll()}; the agent's log: {log[-2000:]}"


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and is not reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def until(condition: Callable[[], object]) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)


def end(pid: int, number: int) -> None:
    """End a process and wait until it is gone."""
    if is_alive(pid):
        os.kill(pid, number)
        until(lambda: not is_alive(pid))


def pids_of(output: Path) -> list[int]:
    """Return the processes of an attempt that live, whether they have got to say so or not."""
    mark = f"TWOPHASE_OUTPUT_DIR={output}".encode()
    found = (process.pid for process in processes.processes())
    return [pid for pid in found if processes.environment_has(pid, mark) and is_alive(pid)]


def pids_in(path: Path, count: int) -> Sequence[int]:
    """Wait until a job has written `count` pids into a file; return them."""
    until(lambda: path.exists() and len(path.read_text().split()) == count)
    return [int(word) for word in path.read_text().split()]


def content_of(files: dict[str, str]) -> str:
    digests = [
        FileDigest(path, len(text), hashlib.sha256(text.encode()).hexdigest()) for path, text in files.items()
    ]
    return content_hash(digests)
