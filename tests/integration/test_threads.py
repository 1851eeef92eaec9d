"""Jobs of one trainer as threads of one process."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_harness import until
from tests.integration.executor_lab import PATIENCE_S, TRAINER, Lab
from worker_agent.core.execution import Exit
from worker_agent.executors.base import Invocation
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_file, start_text

START = f"{TRAINER_CODE}/{start_file('toy')}"


class Threads(Lab):
    """A lab whose jobs are threads of a trainer, each in a directory of its own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.script("", f"{TRAINER_CODE}/trainers/__init__.py")
        self.script("", f"{TRAINER_CODE}/trainers/toy/__init__.py")
        self.script(TRAINER, f"{TRAINER_CODE}/trainers/toy/thread_main.py")
        self.ended: dict[str, Exit] = {}

    def begin(self, word: str) -> Path:
        """Start a job and return its directory."""
        home = self.work.parent / word
        home.mkdir()
        (home / TRAINER_CODE).symlink_to(self.work / TRAINER_CODE)
        env = {**self.env, "TWOPHASE_JOB_ID": word, "TWOPHASE_OUTPUT_DIR": str(home)}
        argv = [sys.executable, START, word]
        invocation = Invocation(
            argv, env, str(home), str(home / "log.txt"), f"TWOPHASE_OUTPUT_DIR={home}", None, "thread"
        )
        assert self.executors.start((word, 1), invocation) is None
        return home

    def begun(self, home: Path) -> list[object]:
        """Wait until a job has told where it is."""
        until(lambda: self.look() or ((home / "here.txt").exists() and (home / "here.txt").read_text()))
        found: list[object] = json.loads((home / "here.txt").read_text())
        return found

    def look(self) -> None:
        self.executors.started()
        self.ended.update({item.key[0]: item for item in self.executors.poll()})

    def exit_of(self, word: str) -> Exit:
        until(lambda: self.look() or word in self.ended)
        assert self.ended[word].executor == "thread"
        return self.ended[word]


@pytest.fixture
def threads(tmp_path: Path) -> Iterator[Threads]:
    threads = Threads(tmp_path)
    yield threads
    threads.executors.close()


def test_threads_share_a_process_and_nothing_else(threads: Threads) -> None:
    homes = {word: threads.begin(word) for word in ("0", "7", "fail", "exit")}
    codes = {word: threads.exit_of(word).exit_code for word in homes}
    assert codes == {"0": 0, "7": 7, "fail": 1, "exit": 1}
    tales = [threads.begun(home) for home in homes.values()]
    assert len({pid for pid, *_ in tales}) == 1 and tales[0][0] != os.getpid()
    assert [job for _, _, job, _ in tales] == list(homes)
    for word, home in homes.items():
        assert (home / "log.txt").read_text().startswith(f"said {word}\ntold {word}\n")
    assert "ValueError: no" in (homes["fail"] / "log.txt").read_text()
    assert (homes["exit"] / "log.txt").read_text().endswith("because\n")


def test_the_code_of_threads_may_have_a_package_of_our_name(threads: Threads) -> None:
    threads.script("", f"{TRAINER_CODE}/worker_agent/__init__.py")
    threads.script("whose = 'theirs'", f"{TRAINER_CODE}/worker_agent/system/seqpacket.py")
    mine = "from worker_agent.system.seqpacket import whose\nassert whose == 'theirs'\n"
    threads.script(mine + textwrap.dedent(TRAINER), f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    threads.begin("7")
    ended = threads.exit_of("7")
    assert (ended.exit_code, ended.executor, ended.note) == (7, "thread", "")


def test_a_crash_ends_all_threads_and_says_so(threads: Threads) -> None:
    threads.begun(threads.begin("stay"))
    threads.begin("crash")
    for word in ("stay", "crash"):
        ended = threads.exit_of(word)
        assert ended.problem == "the process that ran this job and 1 others as threads crashed"
    threads.begin("0")
    assert threads.exit_of("0").exit_code == 0


def test_a_thread_can_be_interrupted_alone(threads: Threads) -> None:
    threads.begun(threads.begin("stay"))
    pid, *_ = threads.begun(threads.begin("0"))
    threads.executors.stop(("stay", 1), PATIENCE_S)
    assert threads.exit_of("stay").exit_code == -signal.SIGINT
    threads.begin("7")
    assert threads.exit_of("7").exit_code == 7 and threads.begun(threads.work.parent / "7")[0] == pid


def test_a_thread_that_does_not_stop_is_ended_with_its_process(threads: Threads) -> None:
    threads.begun(threads.begin("stubborn"))
    threads.begun(threads.begin("stay"))
    threads.executors.stop(("stubborn", 1), 0.01)
    stubborn, stay = threads.exit_of("stubborn"), threads.exit_of("stay")
    assert (stubborn.exit_code, stubborn.problem) == (-signal.SIGKILL, "")
    assert stay.problem.endswith("was ended with a job that did not stop")


def test_a_trainer_that_cannot_be_loaded_runs_as_a_process(lab: Lab) -> None:
    lab.script("", f"{TRAINER_CODE}/trainers/__init__.py")
    lab.script("", f"{TRAINER_CODE}/trainers/toy/__init__.py")
    lab.script("def main(): print('alone')", f"{TRAINER_CODE}/trainers/toy/__main__.py")
    lab.script(start_text("toy"), START)
    ended, text = lab.run("thread", START)
    assert (text, ended.executor, ended.note) == ("alone\n", "process", "the program is no built-in trainer")
    lab.script("raise ValueError('no')", f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    ended, text = lab.run("thread", START)
    assert (text, ended.executor) == ("alone\n", "process")
    assert ended.note == "trainers.toy cannot run in threads: ValueError: no"
