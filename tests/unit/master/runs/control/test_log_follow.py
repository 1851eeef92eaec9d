"""A log is followed from its worker, across lost links and other tries, and from what came home."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from master.adapters.watching.log_watches import LogWatches
from master.runs.control import log_follow
from master.runs.control.log_follow import HOMEWARD_S, LOOK_S, Frame, LogFollower
from master.runs.snapshot import SharedState
from master.storage.run_layout import RunLayout
from tests.unit.master.adapters.link_world import WELCOME
from tests.unit.master.core.running.orders.giving import cancel
from tests.unit.master.core.running.stage import Stage, job
from worker_agent.protocol.logs.watching import LogChunk, Watch, Watching
from worker_agent.protocol.messages import Welcome

JOB = "alpha/job"


class FakeLink:
    """A link to an agent whose logs are scripted."""

    def __init__(self) -> None:
        self.welcome: Welcome | None = replace(WELCOME, facts=replace(WELCOME.facts, shows_logs=True))
        self.watches = LogWatches(self._send, lambda: self.welcome is not None)
        self.asked = list[Watch]()
        self.answer: Callable[[Watch], list[LogChunk]] = lambda asked: []

    def _send(self, message: Watching) -> None:
        if isinstance(message, Watch):
            self.asked.append(message)
            for chunk in self.answer(message):
                self.watches.take(chunk)

    def say(self, *chunks: Callable[[int], LogChunk]) -> None:
        """Answer the next watch with these."""
        self.answer = lambda asked: [each(asked.number) for each in chunks]


def text(offset: int, data: bytes) -> Callable[[int], LogChunk]:
    return lambda number: LogChunk.of(number, offset, data)


def over(offset: int) -> Callable[[int], LogChunk]:
    return lambda number: LogChunk(number, offset, over=True)


def gone(number: int) -> LogChunk:
    return LogChunk(number, 0, gone=True)


class World:
    """A run with one job and two workers."""

    def __init__(self, root: Path) -> None:
        self.stage = Stage(job(JOB), workers=["w1", "w2"])
        self.links = {"w1": FakeLink(), "w2": FakeLink()}
        self.layout = RunLayout(root)
        self.then = list[Callable[[], Any]]()
        self.rested_s = 0.0

    def rest(self, seconds: float) -> None:
        """Time passes, in which something happens."""
        self.rested_s += seconds
        if self.then:
            self.then.pop(0)()

    def follow(self, lines: int | None = None) -> Iterator[Frame]:
        follower = LogFollower(SharedState(self.stage.state), self.links, self.layout, JOB, lines, self.rest)
        return (frame for frame in follower.frames() if frame)

    def running(self, worker: str, attempt: int = 1) -> None:
        self.stage.up(worker)
        self.stage.started(worker, JOB, attempt)

    def at_home(self, attempt: int, data: bytes) -> None:
        path = self.layout.log(JOB, attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def fail(self, worker: str, attempt: int) -> None:
        self.stage.ended(worker, JOB, attempt, "failed")

    def succeed(self, worker: str, attempt: int) -> None:
        self.stage.ended(worker, JOB, attempt)
        self.stage.home(JOB, attempt)


def data(frame: Frame) -> bytes:
    return base64.b64decode(frame["data"])


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(log_follow, "LISTEN_S", 0.0)
    return World(tmp_path)


def test_live_until_the_job_has_succeeded(world: World) -> None:
    world.running("w1")
    world.links["w1"].say(text(0, b"epoch 1\n"), text(8, b"epoch 2\n"), over(16))
    frames = world.follow()
    assert next(frames) == {"begin": 1, "worker": "w1"}
    assert [(frame["offset"], data(frame)) for frame in islice(frames, 2)] == [
        (0, b"epoch 1\n"),
        (8, b"epoch 2\n"),
    ]
    world.succeed("w1", 1)
    assert next(frames) == {"end": "succeeded", "attempt": 1, "note": ""}
    assert next(frames, None) is None


def test_what_was_cut_is_told(world: World) -> None:
    world.running("w1")
    world.links["w1"].say(text(0, b"ab"), text(1000, b"cd"), over(1002))
    frames = [frame for frame in islice(world.follow(), 3) if "data" in frame]
    assert [(frame["offset"], frame["cut"]) for frame in frames] == [(0, 0), (1000, 998)]


def test_the_last_lines_are_asked_for_once_and_cut_nothing(world: World) -> None:
    world.running("w1")
    link = world.links["w1"]
    link.say(text(500, b"last\n"), gone)
    frames = world.follow(lines=1)
    assert [frame.get("cut") for frame in islice(frames, 2)] == [None, 0]
    world.succeed("w1", 1)
    world.at_home(1, b"x" * 500 + b"last\nmore\n")
    assert data(next(frames)) == b"more\n"
    assert [(asked.offset, asked.last_lines) for asked in link.asked] == [(0, 1)]


def test_after_a_lost_link_it_goes_on_where_it_was(world: World) -> None:
    world.running("w1")
    link = world.links["w1"]
    link.say(text(0, b"one "))
    frames = world.follow()
    assert data(list(islice(frames, 2))[1]) == b"one "
    welcome, link.welcome = link.welcome, None
    link.watches.lose()
    assert next(frames) == {"says": "w1 is not connected: its log goes on when it is back"}

    def back() -> None:
        link.welcome = welcome
        link.say(text(4, b"two"))

    world.then.append(back)
    world.then.insert(0, lambda: None)
    assert data(next(frames)) == b"two" and link.asked[-1].offset == 4


def test_it_follows_the_next_try_to_another_worker(world: World) -> None:
    world.running("w1")
    world.links["w1"].say(text(0, b"first"), over(5))
    frames = world.follow()
    assert [frame.get("begin") for frame in islice(frames, 2)] == [1, None]
    world.stage.up("w2")
    world.fail("w1", 1)
    attempt = world.stage.state.jobs[JOB].attempt
    then = list(islice(frames, 1))
    assert "waits" in then[0] or then[0].get("begin") == attempt
    if "waits" in then[0]:
        world.then.append(lambda: world.stage.wait(100.0))
        then = [next(frames)]
    worker = world.stage.state.jobs[JOB].worker
    assert then == [{"begin": 2, "worker": worker}] and worker is not None
    world.links[worker].say(text(0, b"second"), over(6))
    world.then.append(lambda: world.stage.started(worker, JOB, 2))
    found = next(frame for frame in frames if "data" in frame)
    assert data(found) == b"second" and found["attempt"] == 2
    world.succeed(worker, 2)
    assert next(frames)["end"] == "succeeded"


def test_what_the_worker_has_no_more_is_read_at_home(world: World) -> None:
    world.running("w1")
    world.links["w1"].say(text(0, b"one "), gone)
    frames = world.follow()
    assert data(list(islice(frames, 2))[1]) == b"one "
    world.at_home(1, b"one two")
    world.succeed("w1", 1)
    assert [data(frame) for frame in islice(frames, 1)] == [b"two"]
    assert next(frames)["end"] == "succeeded"


def test_a_job_that_has_ended_is_shown_from_home(world: World) -> None:
    world.running("w1")
    world.at_home(1, b"one\ntwo\nthree\n")
    world.succeed("w1", 1)
    begin, piece, end = world.follow(lines=2)
    assert begin == {"begin": 1, "worker": None} and data(piece) == b"two\nthree\n" and "end" in end


def test_a_log_that_does_not_come_home_is_waited_for_and_then_told(world: World) -> None:
    world.running("w1")
    world.succeed("w1", 1)
    _, says, end = world.follow()
    assert says == {"says": "try 1 has ended, and its log did not come home"} and end["end"] == "succeeded"
    assert world.rested_s >= HOMEWARD_S


def test_the_log_of_a_try_that_has_not_begun_is_not_waited_for(world: World) -> None:
    world.stage.up("w1")
    frames = world.follow()
    assert next(frames) == {"begin": 1, "worker": "w1"}
    world.then += [lambda: None, lambda: world.stage.ended("w1", JOB, 1, "refused")]
    told = [frame["says"] for frame in islice(frames, 3) if "says" in frame]
    assert told == ["try 1 ended before it had begun: it has written nothing"]
    assert world.rested_s < HOMEWARD_S / 2


def test_a_try_that_was_cancelled_before_anybody_knew_that_it_ran_is_shown(world: World) -> None:
    world.stage.up("w1")
    frames = world.follow()
    assert next(frames) == {"begin": 1, "worker": "w1"}
    world.then += [
        lambda: cancel(world.stage, JOB),
        lambda: None,
        lambda: world.stage.ended("w1", JOB, 1, "cancelled", started_at=1.0),
        lambda: world.at_home(1, b"one"),
    ]
    told = list(frames)
    assert [data(frame) for frame in told if "data" in frame] == [b"one"]
    assert not any("before it had begun" in frame.get("says", "") for frame in told)


def test_a_try_that_was_cancelled_and_had_not_begun_is_waited_for_until_that_is_told(world: World) -> None:
    world.stage.up("w1")
    frames = world.follow()
    world.then += [
        lambda: cancel(world.stage, JOB),
        lambda: None,
        lambda: world.stage.ended("w1", JOB, 1, "cancelled"),
    ]
    told = [frame["says"] for frame in frames if "says" in frame]
    assert told == ["try 1 ended before it had begun: it has written nothing"]
    assert world.rested_s < HOMEWARD_S / 2


@pytest.mark.parametrize("lost", [False, True])
def test_what_was_waited_for_before_the_end_is_not_its_way_home(world: World, lost: bool) -> None:
    world.running("w1")
    link = world.links["w1"]
    if lost:
        link.welcome = None
    else:
        link.say(gone)
    frames = world.follow()
    next(frames)
    waits = round(HOMEWARD_S / LOOK_S)
    world.then += [lambda: None] * waits
    world.then += [lambda: world.succeed("w1", 1), lambda: None, lambda: world.at_home(1, b"Traceback")]
    found = [data(frame) for frame in frames if "data" in frame]
    assert found == [b"Traceback"] and world.rested_s > HOMEWARD_S


def test_last_lines_that_are_too_long_are_told(world: World) -> None:
    world.running("w1")
    world.links["w1"].say(lambda number: LogChunk.of(number, 900, b"x", True), gone)
    frames = world.follow(lines=9)
    assert "its last lines are long" in list(islice(frames, 2))[1]["says"]


def test_while_the_end_is_on_its_way_nothing_is_said(world: World) -> None:
    world.running("w1")
    world.links["w1"].say(text(0, b"all"), over(3))
    frames = world.follow()
    assert [sorted(frame)[0] for frame in islice(frames, 2)] == ["begin", "attempt"]
    world.then += [lambda: None, lambda: world.succeed("w1", 1)]
    assert next(frames)["end"] == "succeeded"


def test_one_that_waits_tells_for_what_once(world: World) -> None:
    frames = world.follow()
    assert next(frames)["waits"]["why"]
    world.then += [lambda: None, lambda: None, lambda: world.running("w1")]
    assert next(frames) == {"begin": 1, "worker": "w1"}


def test_an_agent_of_an_earlier_version_is_told_plainly(world: World) -> None:
    world.running("w1")
    world.links["w1"].welcome = WELCOME
    frames = world.follow()
    assert next(frames) == {"begin": 1, "worker": "w1"}
    assert "of an earlier version, which shows no logs of what runs" in next(frames)["says"]
    assert not world.links["w1"].asked
    world.at_home(1, b"all of it")
    world.then.append(lambda: world.succeed("w1", 1))
    assert data(next(frame for frame in frames if "data" in frame)) == b"all of it"
