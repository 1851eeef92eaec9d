"""Jobs in threads of one process: what the agent makes of what it hears from there."""

from __future__ import annotations

import selectors
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from worker_agent.executors import threads
from worker_agent.executors.base import Invocation
from worker_agent.executors.threads import ThreadStarter, place_of
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_words

START = start_words("toy")[1]


class FakeHelper:
    """The agent's end of a process that a test plays."""

    def __init__(self, module: str, python: str, env: dict[str, str], *words: str) -> None:
        self.socket, self.pid, self.words = object(), 4711, words
        self.told: list[dict[str, Any]] = []
        self.coming: list[dict[str, Any]] = []
        self.deaf = False
        HELPERS.append(self)
        self.socket = SimpleNamespace(close=lambda: setattr(self, "closed", True))
        self.closed = False

    def tell(self, body: dict[str, Any], files: Any = ()) -> str | None:
        self.told.append(body)
        return "it is deaf" if self.deaf else None

    def heard(self) -> Iterator[dict[str, Any]]:
        coming, self.coming = self.coming, []
        return iter(coming)


HELPERS: list[FakeHelper] = []


class Place:
    """A trainer, and a starter whose processes a test plays."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.now, self.killed = root, 0.0, list[int]()
        code = root / TRAINER_CODE / "trainers" / "toy"
        code.mkdir(parents=True)
        (code / "thread_main.py").write_text("")
        HELPERS.clear()
        monkeypatch.setattr(threads, "Helper", FakeHelper)
        monkeypatch.setattr(threads.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(threads.processes, "kill", self.killed.append)
        selector: Any = SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None)
        self.starter = ThreadStarter(selector)

    def invocation(self, **more: Any) -> Invocation:
        argv = more.pop("argv", [sys.executable, START, "x"])
        env = {"CUDA_VISIBLE_DEVICES": "0", "TWOPHASE_JOB_ID": "a", **more}
        return Invocation(argv, env, str(self.root), str(self.root / "log.txt"))

    def start(self, name: str, **more: Any) -> str | None:
        return self.starter.start((name, 1), self.invocation(**more))

    def begin(self, *names: str) -> FakeHelper:
        """Start jobs in a process that is ready."""
        for name in names:
            assert self.start(name) is None
        (helper,) = HELPERS
        helper.coming.append({"ready": True})
        assert [thread.key[0] for thread, _ in self.starter.poll().began] == list(names)
        return helper


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "argv",
    [["python", "x.py"], ["python", "-m", "other.tool"], ["python", START.replace("toy", "unknown")]],
)
def test_only_trainers_that_know_threads_run_in_them(place: Place, argv: list[str]) -> None:
    assert place.start("a", argv=argv) == "the program is no built-in trainer"
    assert place_of(place.invocation(argv=argv)) is None and not HELPERS


def test_jobs_of_one_kind_share_a_process(place: Place) -> None:
    helper = place.begin("a", "b")
    assert helper.words == (str(place.root / TRAINER_CODE), "trainers.toy")
    assert [body["argv"] for body in helper.told] == [["x"], ["x"]]
    place.start("c")
    assert [thread.key for thread, pid in place.starter.poll().began if pid == 4711] == [("c", 1)]
    place.start("elsewhere", CUDA_VISIBLE_DEVICES="1")
    assert len(HELPERS) == 2


def test_the_end_of_a_job_is_told_with_its_code_and_time(place: Place) -> None:
    helper = place.begin("a", "b")
    place.now = 5.0
    helper.coming.append({"id": 2, "code": 3})
    (done,) = place.starter.poll().exits
    assert (done.key, done.exit_code, done.duration_s, done.executor) == (("b", 1), 3, 5.0, "thread")


def test_a_job_that_waits_for_its_process_is_stopped_at_once(place: Place) -> None:
    place.start("a")
    assert place.starter.stop(("a", 1), 1.0) and not place.starter.stop(("b", 1), 1.0)
    assert place.starter.wait_s() == 0.0
    (done,) = place.starter.poll().exits
    assert (done.key, done.exit_code) == (("a", 1), -2)


def test_a_job_that_does_not_stop_takes_its_process_with_it(place: Place) -> None:
    helper = place.begin("a", "b")
    assert place.starter.wait_s() is None
    assert place.starter.stop(("a", 1), 10.0)
    assert helper.told[-1] == {"stop": 1} and place.starter.wait_s() == 20.0
    place.starter.stop(("a", 1), 1.0)
    assert place.starter.wait_s() == 2.0 and helper.told.count({"stop": 1}) == 1
    place.now = 2.0
    place.starter.poll()
    assert place.killed == [4711]
    helper.coming.append({})
    stopped, other = place.starter.poll().exits
    assert (stopped.key, stopped.exit_code, stopped.problem) == (("a", 1), -9, "")
    assert "was ended with a job that did not stop" in other.problem and helper.closed


def test_jobs_of_a_process_that_crashes_are_lost_and_the_waiting_run_otherwise(place: Place) -> None:
    helper = place.begin("a")
    helper.coming.append({})
    (done,) = place.starter.poll().exits
    assert "and 0 others as threads crashed" in done.problem
    place.start("b")
    HELPERS[-1].coming += [{"unfit": "no threads here"}, {}]
    ((thread, why),) = place.starter.poll().refused
    assert (thread.key, why) == (("b", 1), "no threads here")
    place.start("c")
    HELPERS[-1].coming.append({})
    ((_, why),) = place.starter.poll().refused
    assert why == "the process for threads has ended unexpectedly"


def test_what_cannot_be_sent_runs_otherwise(place: Place) -> None:
    helper = place.begin("a")
    helper.deaf = True
    place.start("b")
    ((thread, why),) = place.starter.poll().refused
    assert thread.key == ("b", 1) and why == "the process for threads takes no requests: it is deaf"
    (place.root / "log.txt").unlink()
    (place.root / "log.txt").mkdir()
    place.start("c")
    assert place.starter.wait_s() == 0.0
    ((_, why),) = place.starter.poll().refused
    assert "cannot write the log" in why


def test_a_process_that_nobody_needs_ends(place: Place) -> None:
    helper = place.begin("a")
    helper.coming.append({"id": 1, "code": 0})
    place.starter.poll()
    place.now = threads.IDLE_S + 1.0
    place.starter.poll()
    assert helper.closed
    place.start("b")
    place.starter.close()
    assert HELPERS[-1].closed


def test_the_selector_learns_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, monkeypatch)
    seen: list[tuple[Any, ...]] = []
    selector: Any = SimpleNamespace(register=lambda *args: seen.append(args), unregister=lambda *_: None)
    ThreadStarter(selector).start(("a", 1), place.invocation())
    assert seen == [(HELPERS[-1].socket, selectors.EVENT_READ)]
