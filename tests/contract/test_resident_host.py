"""The process that runs jobs in threads, in a thread of this one: what it says and does."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import pytest

from worker_agent.executors import resident_host
from worker_agent.executors.resident_members import GroupMember
from worker_agent.executors.resident_program import Program
from worker_agent.system import seqpacket


class Ended(BaseException):
    """The process would have ended."""


class Host:
    """The agent's end, and the host at the other."""

    def __init__(self, program: Program, root: Path) -> None:
        self._agent, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._agent.settimeout(60.0)
        self._theirs, self.root = theirs, root
        self._before = {*threading.enumerate()}
        self.streams = (resident_host._Streams(sys.stdout),)
        self._host = resident_host._Host(theirs, program, self.streams)
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
        """Return what comes next, but for how large an idle process is."""
        while "idle" in (said := self.hear_raw()):
            pass
        return said

    def hear_raw(self) -> Any:
        return json.loads(self._agent.recv(1 << 16))

    def run_group(self, *members: str) -> None:
        """Have jobs trained at once, numbered from 1."""
        for number, word in enumerate(members, 1):
            log = os.open(self.root / f"log{number}", os.O_WRONLY | os.O_CREAT)
            body = {"id": number, "argv": [word], "env": {}, "cwd": str(self.root), "group": "g"}
            socket.send_fds(self._agent, [json.dumps(body).encode()], [log])
            os.close(log)
        self.tell({"begin": "g"})

    def log(self, number: int) -> str:
        return (self.root / f"log{number}").read_text()

    def close(self) -> None:
        for thread in {*threading.enumerate()} - self._before - {self._thread}:
            thread.join()  # one that finds no agent any more ends its process
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


def train(members: Sequence[GroupMember]) -> None:
    """Do what the first word of each member says."""
    for member in members:
        print("begun", file=member.output)
    for member in members:
        word = member.argv[0]
        if word == "poison":
            raise ValueError("a poisoned one")
        if word == "wait":
            GATHERED.set()
            while not member.cancelled():
                threading.Event().wait(0.001)
            member.finish(130)
        elif word != "forget":
            member.finish(int(word))


STARTED = threading.Event()
GATHERED = threading.Event()
"""Not the one above: the interrupt of a job may come while it holds the lock of that."""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    def end(code: int) -> None:
        raise Ended

    monkeypatch.setattr(seqpacket.os, "_exit", end)
    monkeypatch.setattr(resident_host, "_own_directory", lambda path: None)
    host = Host(Program(job, train), tmp_path)
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
        stream: Any = resident_host._Streams(rest)

        def thread() -> None:
            stream.use(mine)
            stream.write("mine")

        one = threading.Thread(target=thread)
        one.start()
        one.join()
        stream.write("rest")
    assert ((tmp_path / "rest").read_text(), (tmp_path / "mine").read_text()) == ("rest", "mine")


def test_a_trainer_that_cannot_be_resident_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int) -> None:
        raise Ended

    monkeypatch.setattr(resident_host.os, "_exit", end)
    monkeypatch.setattr(sys, "path", [*sys.path])
    agent, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(resident_host.socket, "socket", lambda fileno: theirs)
    with agent, theirs:
        with pytest.raises(Ended):
            resident_host.main(theirs.fileno(), str(tmp_path), "no_such_trainer")
        said = json.loads(agent.recv(1 << 16))
    assert said["unfit"].startswith("no_such_trainer cannot be resident: ModuleNotFoundError")


def test_a_thread_can_have_a_directory_of_its_own(tmp_path: Path) -> None:
    here, seen = Path.cwd(), list[Path]()

    def thread() -> None:
        resident_host._own_directory(str(tmp_path))
        seen.append(Path.cwd())

    assert resident_host._why_apart() is None
    one = threading.Thread(target=thread)
    one.start()
    one.join()
    assert seen == [tmp_path] and Path.cwd() == here


def test_members_of_a_group_end_each_with_its_own_code(host: Host) -> None:
    host.run_group("0", "3")
    assert [host.hear(), host.hear()] == [{"id": 1, "code": 0}, {"id": 2, "code": 3}]
    assert host.log(1) == host.log(2) == "begun\n"


def test_members_that_a_group_ends_without_are_to_be_tried_again_alone(host: Host) -> None:
    host.run_group("0", "poison", "0")
    why = "ValueError: a poisoned one"
    assert [host.hear() for _ in range(3)] == [
        {"id": 1, "code": 0},
        {"id": 2, "lost": why},
        {"id": 3, "lost": why},
    ]
    assert host.log(1) == "begun\n", "what comes later does not concern it"
    assert host.log(2).endswith(f"{why}\n") and host.log(3).endswith(f"{why}\n")


def test_a_member_that_is_forgotten_is_to_be_tried_again_too(host: Host) -> None:
    host.run_group("forget", "0")
    assert host.hear() == {"id": 2, "code": 0}
    assert host.hear() == {"id": 1, "lost": "it was not among those that were trained"}


def test_a_member_hears_that_it_is_to_end(host: Host) -> None:
    GATHERED.clear()
    host.run_group("wait", "0")
    assert GATHERED.wait(60.0)
    host.tell({"stop": 1})
    assert [host.hear(), host.hear()] == [{"id": 1, "code": 130}, {"id": 2, "code": 0}]


def test_the_process_says_how_large_it_is_when_it_has_no_jobs(host: Host) -> None:
    host.run(1, "return", "0")
    assert host.hear() == {"id": 1, "code": 0}
    assert host.hear_raw()["idle"] > 1 << 20
