"""Resident jobs: what the agent makes of what it hears from there."""

from __future__ import annotations

import selectors
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from worker_agent.executors import residents
from worker_agent.executors.base import Invocation
from worker_agent.executors.residents import ResidentStarter, place_of
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_words

START = start_words("toy")[1]
NOWHERE = "the program is no trainer that can be resident, and no script in the run's code"


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
        monkeypatch.setattr(residents, "Helper", FakeHelper)
        monkeypatch.setattr(residents.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(residents.processes, "kill", self.killed.append)
        selector: Any = SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None)
        self.starter = ResidentStarter(selector)

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

    def begin_group(self, *names: str, takes_groups: bool = True) -> FakeHelper:
        """Start jobs that train at once in a process that is ready."""
        members = [((name, 1), self.invocation()) for name in names]
        assert self.starter.start_group("g1", members) is None
        helper = HELPERS[-1]
        helper.coming.append({"ready": takes_groups})
        return helper


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "argv",
    [["python", "x.py"], ["python", "-m", "other.tool"], ["python", START.replace("toy", "unknown")]],
)
def test_only_trainers_that_know_threads_run_in_them(place: Place, argv: list[str]) -> None:
    assert place.start("a", argv=argv) == NOWHERE
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
    assert (done.key, done.exit_code, done.duration_s, done.executor) == (("b", 1), 3, 5.0, "resident")


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
    assert done.problem == "the resident process of this job and 0 others crashed"
    place.start("b")
    HELPERS[-1].coming += [{"unfit": "no threads here"}, {}]
    ((thread, why),) = place.starter.poll().refused
    assert (thread.key, why) == (("b", 1), "no threads here")
    place.start("c")
    HELPERS[-1].coming.append({})
    ((_, why),) = place.starter.poll().refused
    assert why == "the resident process has ended unexpectedly"


def test_what_cannot_be_sent_runs_otherwise(place: Place) -> None:
    helper = place.begin("a")
    helper.deaf = True
    place.start("b")
    ((thread, why),) = place.starter.poll().refused
    assert thread.key == ("b", 1) and why == "the resident process takes no requests: it is deaf"
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
    place.now = residents.IDLE_S + 1.0
    place.starter.poll()
    assert helper.closed
    place.start("b")
    place.starter.close()
    assert HELPERS[-1].closed


def test_the_selector_learns_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, monkeypatch)
    seen: list[tuple[Any, ...]] = []
    selector: Any = SimpleNamespace(register=lambda *args: seen.append(args), unregister=lambda *_: None)
    ResidentStarter(selector).start(("a", 1), place.invocation())
    assert seen == [(HELPERS[-1].socket, selectors.EVENT_READ)]


def test_a_group_begins_together_and_each_member_ends_for_itself(place: Place) -> None:
    helper = place.begin_group("a", "b")
    assert [resident.key[0] for resident, _ in place.starter.poll().began] == ["a", "b"]
    assert [(body.get("id"), body.get("group")) for body in helper.told[:2]] == [(1, "g1"), (2, "g1")]
    assert helper.told[2] == {"begin": "g1"}
    helper.coming += [{"id": 2, "code": 0}, {"id": 1, "lost": "ValueError: a poisoned one"}]
    fine, lost = place.starter.poll().exits
    assert (fine.key, fine.exit_code, fine.problem, fine.executor) == (("b", 1), 0, "", "resident")
    assert lost.problem == "the group that it trained in ended without it: ValueError: a poisoned one"


def test_a_program_that_trains_no_groups_refuses_every_member(place: Place) -> None:
    helper = place.begin_group("a", "b", takes_groups=False)
    refused = place.starter.poll().refused
    assert [(one.key[0], one.group, why) for one, why in refused] == [
        ("a", "g1", "the program trains one job at a time"),
        ("b", "g1", "the program trains one job at a time"),
    ]
    assert not helper.told


def test_a_member_that_cannot_be_sent_does_not_keep_the_others(place: Place) -> None:
    place.begin("first").coming.append({"ready": True})
    place.starter.poll()
    folder = place.root / "folder"
    folder.mkdir()
    bad = replace(place.invocation(), log=str(folder))
    assert place.starter.start_group("g1", [(("bad", 1), bad), (("b", 1), place.invocation())]) is None
    news = place.starter.poll()
    assert [one.key[0] for one, _ in news.refused] == ["bad"] and "cannot write the log" in news.refused[0][1]
    assert [one.key[0] for one, _ in news.began] == ["b"] and HELPERS[0].told[-1] == {"begin": "g1"}


def test_a_member_that_is_stopped_is_waited_for_as_long_as_its_group_is_slow(place: Place) -> None:
    helper = place.begin_group("a", "b", "c")
    place.starter.poll()
    assert place.starter.stop(("b", 1), 10.0) and helper.told[-1] == {"stop": 2}
    assert place.starter.wait_s() == 60.0


def test_a_group_that_cannot_be_told_to_begin_is_ended_and_not_waited_for(place: Place) -> None:
    helper = place.begin_group("a", "b")
    tell = helper.tell
    helper.tell = lambda body, files=(): "it is deaf" if "begin" in body else tell(body)  # type: ignore[method-assign]
    assert len(place.starter.poll().began) == 2 and place.killed == [4711]
    helper.coming.append({})
    assert {done.key[0] for done in place.starter.poll().exits if done.problem} == {"a", "b"}


def test_groups_without_a_gpu_have_a_process_for_each_slot(place: Place) -> None:
    on_cpu = [replace(place.invocation(CUDA_VISIBLE_DEVICES=""), slot=slot) for slot in ("cpu0", "cpu1")]
    on_gpu = [replace(place.invocation(), slot=slot) for slot in ("gpu0/1", "gpu0/2")]
    assert len({place_of(each, "g1") for each in on_cpu}) == 2
    assert len({place_of(each, "g1") for each in on_gpu}) == len({place_of(each) for each in on_cpu}) == 1


def test_jobs_that_need_different_processes_are_no_group(place: Place) -> None:
    members = [(("a", 1), place.invocation()), (("b", 1), place.invocation(CUDA_VISIBLE_DEVICES="1"))]
    assert place.starter.start_group("g1", members) == "the jobs of its group need different processes"


def test_a_waiting_member_is_stopped_and_the_others_begin(place: Place) -> None:
    helper = place.begin_group("a", "b")
    assert place.starter.stop(("a", 1), 1.0)
    news = place.starter.poll()
    assert [one.key[0] for one, _ in news.began] == ["b"] and helper.told[-1] == {"begin": "g1"}
    assert [done.key for done in news.exits] == [("a", 1)]


@pytest.mark.parametrize(("grown", "is_replaced"), [(400 << 20, False), (1000 << 20, True)])
def test_a_process_that_leaks_is_replaced_once_it_has_no_jobs(
    place: Place, grown: int, is_replaced: bool
) -> None:
    helper = place.begin("a")
    helper.coming += [{"id": 1, "code": 0}, {"idle": 300 << 20}]
    place.starter.poll()
    place.start("b")
    helper.coming += [{"idle": grown}]
    place.starter.poll()
    assert not helper.closed, "a job runs in it"
    helper.coming += [{"id": 2, "code": 0}, {"idle": grown}]
    place.starter.poll()
    assert helper.closed is is_replaced
    place.start("c")
    assert len(HELPERS) == 1 + is_replaced


def test_a_script_of_the_runs_code_has_a_process_for_each_slot(place: Place) -> None:
    (place.root / "train.py").write_text("")
    asked = replace(place.invocation(argv=["python", "train.py", "x"]), code=str(place.root), slot="gpu0")
    assert place.starter.start(("a", 1), asked) is None
    assert HELPERS[0].words == (str(place.root / "train.py"), "")
    assert place.starter.start(("b", 1), replace(asked, slot="gpu1")) is None and len(HELPERS) == 2
    assert place_of(replace(asked, argv=["python", "other.py"])) is None
    assert place_of(replace(asked, code="")) is None


def test_only_groups_run_where_threads_have_no_directories_of_their_own(place: Place) -> None:
    assert place.start("a") is None
    assert place.starter.start_group("g", [((name, 1), place.invocation()) for name in "bc"]) is None
    (helper,) = HELPERS
    helper.coming.append({"ready": True, "apart": "no working directory for each thread here"})
    news = place.starter.poll()
    assert [(item.key[0], why) for item, why in news.refused] == [
        ("a", "no working directory for each thread here")
    ]
    assert [item.key[0] for item, _ in news.began] == ["b", "c"]
