"""The process that runs jobs in threads, in a thread of this one: what it says and does."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from worker_agent.executors import thread_host
from worker_agent.system import seqpacket


class Ended(BaseException):
    """The process would have ended."""


class Host:
    """The agent's end, and the host at the other."""

    def __init__(self, entry: Callable[[list[str], dict[str, str], TextIO], int], root: Path) -> None:
        self._agent, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._agent.settimeout(60.0)
        self._theirs, self.root = theirs, root
        self.streams = (thread_host._Streams(sys.stdout),)
        self._host = thread_host._Host(theirs, entry, self.streams)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            self._host.serve()
        except Ended:
            return

    def run(self, number: int, *argv: str, lock: int | None = None) -> None:
        log = os.open(self.root / f"log{number}", os.O_WRONLY | os.O_CREAT)
        files = [log, *([] if lock is None else [lock])]
        body = {"id": number, "argv": argv, "env": {}, "cwd": str(self.root)}
        socket.send_fds(self._agent, [json.dumps(body).encode()], files)
        os.close(log)

    def tell(self, body: dict[str, Any]) -> None:
        self._agent.send(json.dumps(body).encode())

    def hear(self) -> Any:
        return json.loads(self._agent.recv(1 << 16))

    def log(self, number: int) -> str:
        return (self.root / f"log{number}").read_text()

    def close(self) -> None:
        self._agent.close()
        self._thread.join()
        self._theirs.close()


def job(argv: list[str], env: dict[str, str], output: TextIO) -> int:
    """Do what the first word says."""
    print("begun", file=output)
    if argv[0] == "fail":
        raise ValueError("a reason")
    if argv[0] == "exit":
        raise SystemExit("last words" if len(argv) == 1 else int(argv[1]))
    if argv[0] == "wait":
        STARTED.set()
        while True:
            STARTED.wait(0.001)
    return int(argv[1])


STARTED = threading.Event()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    def end(code: int) -> None:
        raise Ended

    monkeypatch.setattr(seqpacket.os, "_exit", end)
    monkeypatch.setattr(thread_host, "_own_directory", lambda path: None)
    host = Host(job, tmp_path)
    yield host
    host.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("return", "7"), 7, "begun\n"),
        (("exit", "3"), 3, "begun\n"),
        (("exit", "0"), 0, "begun\n"),
        (("exit",), 1, "begun\nlast words\n"),
        (("fail",), 1, "ValueError: a reason\n"),
    ],
)
def test_a_job_ends_with_its_code_and_its_words_are_in_its_log(
    host: Host, words: tuple[str, ...], code: int, said: str
) -> None:
    host.run(1, *words)
    assert host.hear() == {"id": 1, "code": code}
    assert host.log(1).endswith(said)


def test_a_job_is_interrupted_as_by_ctrl_c(host: Host) -> None:
    STARTED.clear()
    host.run(1, "wait")
    assert STARTED.wait(60.0)
    host.tell({"stop": 99})
    host.tell({"stop": 1})
    assert host.hear() == {"id": 1, "code": -2}
    assert "KeyboardInterrupt" in host.log(1)


def test_the_lock_of_a_slot_is_closed_with_the_job(host: Host) -> None:
    reader, writer = os.pipe()
    host.run(1, "return", "0", lock=writer)
    os.close(writer)
    assert host.hear()["code"] == 0
    assert os.read(reader, 1) == b"", "nobody holds it any more"
    os.close(reader)


def test_each_thread_says_things_to_its_own_log(tmp_path: Path) -> None:
    rest, mine = (tmp_path / "rest").open("w"), (tmp_path / "mine").open("w")
    with rest, mine:
        stream: Any = thread_host._Streams(rest)

        def thread() -> None:
            stream.use(mine)
            stream.write("mine")

        one = threading.Thread(target=thread)
        one.start()
        one.join()
        stream.write("rest")
    assert ((tmp_path / "rest").read_text(), (tmp_path / "mine").read_text()) == ("rest", "mine")


def test_a_trainer_that_cannot_run_in_threads_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(code: int) -> None:
        raise Ended

    monkeypatch.setattr(thread_host.os, "_exit", end)
    monkeypatch.setattr(sys, "path", [*sys.path])
    agent, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(thread_host.socket, "socket", lambda fileno: theirs)
    with agent, theirs:
        with pytest.raises(Ended):
            thread_host.main(theirs.fileno(), str(tmp_path), "no_such_trainer")
        said = json.loads(agent.recv(1 << 16))
    assert said["unfit"].startswith("no_such_trainer cannot run in threads: ModuleNotFoundError")


def test_a_thread_can_have_a_directory_of_its_own(tmp_path: Path) -> None:
    here, seen = Path.cwd(), list[Path]()

    def thread() -> None:
        thread_host._own_directory(str(tmp_path))
        seen.append(Path.cwd())

    thread_host._check_directories()
    one = threading.Thread(target=thread)
    one.start()
    one.join()
    assert seen == [tmp_path] and Path.cwd() == here
