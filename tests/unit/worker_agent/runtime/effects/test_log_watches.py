"""Logs are shown while somebody looks: as they are written, no faster than they are read, gaps and all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.attempts.logs import Log
from worker_agent.core.state import AgentState, Attempt, Phase
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.logs.watching import CHUNK_BYTES, GRANTED, LogChunk, Unwatch, Watch, WatchOn
from worker_agent.protocol.messages import Launch
from worker_agent.runtime.effects.log_watches import MOST, LogWatches
from worker_agent.system.punch_hole import punch_hole

KEY = ("alpha/job", 1)
LIMIT = 1 << 20


class Place:
    """An agent with one attempt, and a master that listens."""

    def __init__(self, root: Path) -> None:
        self.state, self.said = AgentState(), list[LogChunk]()
        self.attempt = self.state.attempts[KEY] = Attempt(Launch(*KEY, 2, ["x"]), 1)
        self.attempt.phase = Phase.RUNNING
        layout = AttemptLayout(root)
        self.path = paths_of(layout).log
        self.path.parent.mkdir(parents=True)
        self.path.touch()
        self.log: Log | None = Log(layout, LIMIT, punch_hole)
        self.master, self.is_full = object(), False
        logs: Any = self
        self.watches = LogWatches(self.state, logs, logs)

    def find(self, key: tuple[str, int]) -> Log | None:
        return self.log if key == KEY else None

    def say(self, chunk: LogChunk) -> None:
        self.said.append(chunk)

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(data)

    def shown(self) -> list[LogChunk]:
        self.said.clear()
        self.watches.show()
        return list(self.said)

    def end(self) -> None:
        """Let the attempt end, as it does: the log is settled before its end is told."""
        assert self.log
        self.log.settle()
        self.log, self.attempt.phase = None, Phase.FINISHED


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "attempt")


def test_nobody_looks_and_nothing_is_done(place: Place) -> None:
    place.write(b"text")
    assert place.watches.wait_s() == math.inf and place.shown() == []


def test_what_is_written_is_shown_once(place: Place) -> None:
    place.write(b"one\n")
    place.watches.begin(Watch(5, *KEY))
    assert place.watches.wait_s() == 0.0
    assert place.shown() == [LogChunk.of(5, 0, b"one\n")]
    assert 0.0 < place.watches.wait_s() < 1.0 and place.shown() == []
    place.write(b"two")
    assert place.shown() == [LogChunk.of(5, 4, b"two")]


def test_a_reader_that_comes_back_goes_on_where_it_was(place: Place) -> None:
    place.write(b"one\ntwo\n")
    place.watches.begin(Watch(1, *KEY, offset=4))
    assert place.shown() == [LogChunk.of(1, 4, b"two\n")]


def test_it_may_begin_with_the_last_lines(place: Place) -> None:
    place.write(b"one\ntwo\nthree\n")
    place.watches.begin(Watch(1, *KEY, last_lines=2))
    assert place.shown() == [LogChunk.of(1, 4, b"two\nthree\n")]


def test_last_lines_that_are_too_long_are_told(place: Place) -> None:
    place.write(b"x" * (9 * LIMIT))
    place.watches.begin(Watch(1, *KEY, last_lines=1))
    assert [chunk.far for chunk in place.shown()] == [True, False, False, False]


def test_only_so_much_is_on_its_way_as_is_granted(place: Place) -> None:
    place.write(b"x" * CHUNK_BYTES * 9)
    place.watches.begin(Watch(1, *KEY))
    assert [chunk.offset for chunk in place.shown()] == [CHUNK_BYTES * n for n in range(GRANTED)]
    assert place.shown() == []
    for _ in range(2):
        place.watches.go_on(WatchOn(1))
    assert [chunk.offset // CHUNK_BYTES for chunk in place.shown()] == [GRANTED, GRANTED + 1]


def test_nothing_is_put_before_a_connection_that_is_full(place: Place) -> None:
    place.write(b"text")
    place.watches.begin(Watch(1, *KEY))
    place.is_full = True
    assert place.shown() == [] and place.watches.wait_s() > 0.0
    place.is_full = False
    assert len(place.shown()) == 1


def test_the_end_is_said_after_all_that_was_written(place: Place) -> None:
    place.watches.begin(Watch(1, *KEY))
    place.write(b"last words")
    place.shown()
    place.write(b"!")
    place.end()
    assert place.shown() == [LogChunk.of(1, 10, b"!"), LogChunk(1, 11, over=True)]
    assert place.watches.wait_s() == math.inf


def test_what_was_cut_is_a_gap_before_and_after_the_end(place: Place) -> None:
    assert place.log
    place.write(b"".join(b"%015d\n" % number for number in range(LIMIT // 4)))
    place.log.bound()
    place.watches.begin(Watch(1, *KEY, offset=LIMIT // 4 - 16))
    first, second = place.shown()[:2]
    assert first.bytes() == b"%015d\n" % (LIMIT // 64 - 1)
    assert second.offset > LIMIT and second.bytes()[:16] == b"%015d\n" % (second.offset // 16)
    place.end()
    place.watches.end(Unwatch(1))
    assert place.path.stat().st_size < LIMIT


def test_one_who_looks_on_loses_no_place_when_the_log_is_cut_at_the_end(place: Place) -> None:
    assert place.log
    place.watches.begin(Watch(1, *KEY))
    place.write(b"".join(b"%015d\n" % number for number in range(LIMIT // 4)))
    place.log.bound()
    chunks = place.shown()
    place.end()
    while not chunks[-1].over:
        place.watches.go_on(WatchOn(1))
        chunks += place.shown()
    for chunk in chunks[:-1]:
        data = chunk.bytes()
        skipped = -chunk.offset % 16
        assert data[skipped : skipped + 16] == b"%015d\n" % ((chunk.offset + skipped) // 16)
    assert chunks[-1].offset == LIMIT * 4 and chunks[0].offset == 0


def test_one_that_has_not_begun_is_waited_for(place: Place) -> None:
    log, place.log, place.attempt.phase = place.log, None, Phase.QUEUED
    place.watches.begin(Watch(1, *KEY))
    assert place.shown() == []
    place.log, place.attempt.phase = log, Phase.RUNNING
    place.write(b"begun")
    assert place.shown() == [LogChunk.of(1, 0, b"begun")]


@pytest.mark.parametrize("phase", [Phase.COLLECTING, Phase.FINISHED])
def test_one_that_is_over_already_comes_home(phase: Phase, place: Place) -> None:
    place.log, place.attempt.phase = None, phase
    place.watches.begin(Watch(1, *KEY, offset=7))
    place.watches.begin(Watch(2, "alpha/other", 1))
    assert place.shown() == [LogChunk(1, 7, gone=True), LogChunk(2, 0, gone=True)]


def test_one_whose_files_are_deleted_comes_home(place: Place) -> None:
    place.watches.begin(Watch(1, *KEY))
    assert place.shown() == []
    place.path.unlink()
    assert place.shown() == [], "it runs: its file may come"
    del place.state.attempts[KEY]
    assert place.shown() == [LogChunk(1, 0, gone=True)]


def test_the_watches_of_a_master_that_is_gone_are_forgotten(place: Place) -> None:
    place.watches.begin(Watch(1, *KEY))
    place.write(b"text")
    place.master = object()
    assert place.shown() == [] and place.watches.wait_s() == math.inf


def test_there_is_a_most_of_watches(place: Place) -> None:
    for number in range(MOST + 1):
        place.watches.begin(Watch(number, *KEY))
    assert place.said == [LogChunk(MOST, 0, gone=True)]


def test_a_log_that_is_being_cut_is_looked_at_later(place: Place) -> None:
    assert place.log
    place.write(b"text")
    place.watches.begin(Watch(1, *KEY))
    with place.log.looking():
        assert place.shown() == []
    assert len(place.shown()) == 1
