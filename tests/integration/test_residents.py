"""Jobs of one program in one process."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent_harness import until
from tests.integration.executor_lab import GROUP_MAIN, PATIENCE_S, TRAINER, Lab
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
        self.alone: dict[str, str] = {}
        """Jobs that cannot be started with their group, and why."""

    def begin(self, word: str) -> Path:
        """Start a job and return its directory."""
        home = self._home(word)
        assert self.executors.start((word, 1), self._invocation(home)) is None
        return home

    def _home(self, word: str) -> Path:
        home = self.work.parent / word
        home.mkdir()
        (home / TRAINER_CODE).symlink_to(self.work / TRAINER_CODE)
        return home

    def _invocation(self, home: Path) -> Invocation:
        env = {**self.env, "TWOPHASE_JOB_ID": home.name, "TWOPHASE_OUTPUT_DIR": str(home)}
        argv, mark = [sys.executable, START, home.name], f"TWOPHASE_OUTPUT_DIR={home}"
        return Invocation(argv, env, str(home), str(home / "log.txt"), mark, None, "thread")

    def begin_group(self, *words: str, group: str = "g1") -> list[Path]:
        """Start jobs that train at once and return their directories."""
        homes = [self._home(word) for word in words]
        members = [((home.name, 1), self._invocation(home)) for home in homes]
        self.executors.start_group(group, members)
        return homes

    def begun(self, home: Path) -> list[object]:
        """Wait until a job has told where it is."""
        until(lambda: self.look() or ((home / "here.txt").exists() and (home / "here.txt").read_text()))
        found: list[object] = json.loads((home / "here.txt").read_text())
        return found

    def look(self) -> None:
        for started in self.executors.started():
            self.alone.update({started.key[0]: started.problem} if started.alone else {})
        self.ended.update({item.key[0]: item for item in self.executors.poll()})

    def exit_of(self, word: str) -> Exit:
        until(lambda: self.look() or word in self.ended)
        assert self.ended[word].executor == "resident"
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
    assert (ended.exit_code, ended.executor, ended.note) == (7, "resident", "")


def test_a_crash_ends_all_threads_and_says_so(threads: Threads) -> None:
    threads.begun(threads.begin("stay"))
    threads.begin("crash")
    for word in ("stay", "crash"):
        ended = threads.exit_of(word)
        assert ended.problem == "the resident process of this job and 1 others crashed"
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
    assert (text, ended.executor) == ("alone\n", "process")
    assert ended.note.startswith("the program is no trainer that can be resident")
    lab.script("raise ValueError('no')", f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    ended, text = lab.run("thread", START)
    assert (text, ended.executor) == ("alone\n", "process")
    assert ended.note == "trainers.toy cannot be resident: ValueError: no"


def test_a_group_is_one_process_and_its_members_end_one_by_one(threads: Threads) -> None:
    threads.script(textwrap.dedent(TRAINER) + GROUP_MAIN, f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    homes = threads.begin_group("0", "7", "wait")
    assert [threads.exit_of(word).exit_code for word in ("0", "7")] == [0, 7]
    assert "wait" not in threads.ended
    assert [(home / "log.txt").read_text() for home in homes] == ["one of 3\n"] * 3
    threads.executors.stop(("wait", 1), PATIENCE_S)
    assert threads.exit_of("wait").exit_code == 130


def test_a_large_group_begins_though_its_process_reads_late(threads: Threads) -> None:
    threads.script(textwrap.dedent(TRAINER) + GROUP_MAIN, f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    threads.env["A_LONG_LIST"] = "x" * 6000
    (home,) = threads.begin_group("100", group="g1")
    threads.exit_of("100")
    pid = int((home / "pid.txt").read_text())
    words = [f"{number}" for number in range(64)]
    os.kill(pid, signal.SIGSTOP)
    later = threading.Timer(0.3, os.kill, (pid, signal.SIGCONT))
    later.start()
    threads.begin_group(*words, group="g2")
    later.join()
    assert [threads.exit_of(word).exit_code for word in words] == list(range(64))
    assert not threads.alone


def test_a_group_may_have_more_files_than_a_process_usually_has(threads: Threads) -> None:
    threads.script(textwrap.dedent(TRAINER) + GROUP_MAIN, f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    words = [f"{number}" for number in range(100)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        threads.begin_group(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [threads.exit_of(word).exit_code for word in words] == list(range(100))


def test_a_group_whose_process_is_killed_loses_those_that_have_not_finished(threads: Threads) -> None:
    threads.script(textwrap.dedent(TRAINER) + GROUP_MAIN, f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    homes = threads.begin_group("0", "wait", "7")
    assert [threads.exit_of(word).exit_code for word in ("0", "7")] == [0, 7]
    os.kill(int((homes[0] / "pid.txt").read_text()), signal.SIGKILL)
    assert threads.exit_of("wait").problem == "the resident process of this job and 0 others crashed"
    assert threads.exit_of("0").problem == threads.exit_of("7").problem == ""


def test_a_trainer_that_trains_no_groups_leaves_them_to_processes(threads: Threads) -> None:
    threads.begin_group("0", "7")
    until(lambda: threads.look() or len(threads.alone) == 2)
    assert {*threads.alone.values()} == {"the program trains one job at a time"} and not threads.ended


def test_a_process_that_leaks_is_replaced_by_a_small_one(threads: Threads) -> None:
    leaking = "    shared.append(b'x' * (300 << 20))\n"
    text = textwrap.dedent(TRAINER).replace("    shared.append(argv[0])\n", leaking)
    threads.script(text, f"{TRAINER_CODE}/trainers/toy/thread_main.py")
    hosts, pids = threads.executors._residents._hosts, []
    pids.append(threads.begun(threads.begin("0"))[0])
    until(lambda: threads.look() or all(host.first_rss for host in hosts.values()))
    pids.append(threads.begun(threads.begin("1"))[0])
    until(lambda: threads.look() or not hosts)
    pids.append(threads.begun(threads.begin("2"))[0])
    assert pids[0] == pids[1] != pids[2]


def test_a_script_that_offers_it_keeps_what_it_has_loaded(lab: Lab) -> None:
    lab.script(
        """
        import os, sys
        loaded = []
        def twophase_main(args):
            loaded.append(args[0])
            print(os.getpid(), len(loaded), sys.argv[1:], os.environ["TWOPHASE_JOB_ID"], os.getcwd())
            return int(args[0])
        if __name__ == "__main__":
            raise SystemExit(twophase_main(sys.argv[1:]))
        """
    )
    tales = []
    for word in ("0", "7"):
        home = lab.work.parent / f"home{word}"
        home.mkdir()
        env = {**lab.env, "TWOPHASE_JOB_ID": f"job{word}"}
        argv, log = [sys.executable, "train.py", word], str(home / "log.txt")
        code = str(lab.work)
        asked = Invocation(argv, env, str(home), log, "", None, "resident", code=code, slot="cpu0")
        assert lab.executors.start(("a", 1), asked) is None
        ended = lab.end()
        assert (ended.exit_code, ended.executor, ended.note) == (int(word), "resident", "")
        tales.append((home / "log.txt").read_text().split(maxsplit=1))
        assert tales[-1][1] == f"{len(tales)} ['{word}'] job{word} {home}\n"
    assert tales[0][0] == tales[1][0]
    assert not [*lab.work.rglob("__pycache__")]


def test_a_script_that_does_not_offer_it_runs_as_a_process(lab: Lab) -> None:
    lab.script("print('alone')")
    asked = Invocation(
        [sys.executable, "train.py"], lab.env, str(lab.work), str(lab.log), "", None, "resident",
        code=str(lab.work),
    )  # fmt: skip
    assert lab.executors.start(("a", 1), asked) is None
    ended = lab.end()
    assert (ended.executor, lab.log.read_text()) == ("process", "alone\n")
    assert (
        ended.note == "train.py cannot be resident: ImportError: train.py has no function twophase_main(args)"
    )
