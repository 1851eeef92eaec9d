"""What a job left as it was is given to the next one, by a real agent to real processes."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from tests.integration.agent_harness import Host, Master, end, pids_in
from tests.support.attempt_paths import paths_of
from worker_agent.protocol import messages as msg

TELL = """
import os, pathlib, sys
told = [os.stat(os.environ[name]).st_ino for name in ("TWOPHASE_OUTPUT_DIR", "TWOPHASE_CHECKPOINT_DIR")]
pathlib.Path({path!r}).write_text(f"{{told}} {{os.listdir()}}")
"""
HIDE = """
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.set_inheritable(writer, True)
    program = f"import os, signal; os.write({writer}, str(os.getpid()).encode()); signal.pause()"
    os.execve(sys.executable, [sys.executable, "-c", program], {})
pathlib.Path(PATH).write_bytes(os.read(reader, 20))
"""


class Lab:
    """Jobs one after the other, each released before the next one begins."""

    def __init__(self, host: Host, tmp_path: Path) -> None:
        self.master: Master = host.connect()
        self._host, self._path = host, tmp_path
        self._held = ExitStack()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def run(self, name: str, more: str = "") -> str:
        """Return the inodes of a job's directories, and what it saw in its working directory."""
        told = self._path / f"{name}.txt"
        self.master.launch(name, TELL.format(path=str(told)) + more)
        event = self.master.wait_event("finished", name)
        assert event.detail.outcome == "succeeded", event
        # As long as it is open, no other directory gets its inode.
        output = os.open(paths_of(self._host.work().attempt("r1", name, 1)).output, os.O_RDONLY)
        self._held.callback(os.close, output)
        self.master.send(msg.Ack(event.seq), msg.Release(name, 1))
        return told.read_text()


def test_short_jobs_share_their_directories(host: Host, tmp_path: Path) -> None:
    with Lab(host, tmp_path) as lab:
        first = lab.run("a")
        assert [lab.run(name) for name in "bcd"] == [first] * 3
        lab.master.settle()
    assert [path.name for path in host.work().attempts("r1").iterdir()] == ["d.1"]
    assert [path.name for path in host.work().all_checkpoints("r1").iterdir()] == ["d.1"]


def test_nobody_gets_what_a_hidden_process_may_still_write_to(host: Host, tmp_path: Path) -> None:
    hidden = tmp_path / "pid"
    with Lab(host, tmp_path) as lab:
        first = lab.run("a", HIDE.replace("PATH", repr(str(hidden))))
        (pid,) = pids_in(hidden, 1)
        second = lab.run("b")
        end(pid, signal.SIGKILL)
        third = lab.run("c")
        assert lab.run("d") == third
    assert len({first, second, third}) == 3
