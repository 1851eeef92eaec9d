"""An agent in this very process, and a master who talks to it from a thread."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_master import PATIENCE_S, AgentMaster
from worker_agent.protocol import messages as msg
from worker_agent.protocol.layout import StateLayout, WorkLayout
from worker_agent.runtime import assembly
from worker_agent.runtime.assembly import AgentProcess

_SIGNALS = (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


class Master(AgentMaster):
    """A connection to the agent's socket."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect(str(path))

    def hello(self, epoch: int = 1, **settings: Any) -> Any:
        """Say hello, and return the answer."""
        settings = {"cpu_slots": 1, "kill_grace_s": 0.1, **settings}
        self.send(msg.Hello(msg.PROTOCOL, "r1", epoch, settings))
        return self.wait(lambda item: isinstance(item, (msg.Welcome, msg.Refused)))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, timeout_s: float) -> bytes:
        return self._socket.recv(1 << 16)

    def hung_up(self) -> bool:
        """Wait for the end of the connection."""
        while self._socket.recv(1 << 16):
            pass
        return True

    def close(self) -> None:
        self._socket.close()


class Worker:
    """A machine in a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.layout = StateLayout(root / "state", "host", "r1")
        self.work = WorkLayout(self.layout.default_work_dir)
        self._masters: list[Master] = []

    def connect(self) -> Master:
        master = Master(self.layout.socket)
        self._masters.append(master)
        return master

    def serve(self, script: Callable[[], None], idle_s: float = PATIENCE_S) -> None:
        """Be the agent until the script, in a thread, is through; its failure is ours."""
        self.layout.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        agent = AgentProcess(self.layout, "d1", idle_s)
        failures: list[BaseException] = []

        def run() -> None:
            try:
                script()
            except BaseException as error:
                failures.append(error)
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            agent.run()
        finally:
            thread.join()
            for master in self._masters:
                master.close()
            self._masters.clear()
        if failures:
            raise failures[0]

    @staticmethod
    def end() -> None:
        """Tell the agent to end."""
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    # It would kill what other tests have started.
    monkeypatch.setattr(assembly, "kill_orphans", lambda: None)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    here = Path.cwd()
    yield Worker(tmp_path)
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)
    os.chdir(here)
