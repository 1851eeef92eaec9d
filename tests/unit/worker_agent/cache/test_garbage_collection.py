"""When the cache is looked at, and what leaves it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.worker_agent.fakes import Workers
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.garbage_collection import CacheCleaned, CacheCollector, CacheListed
from worker_agent.cache.leases import alone
from worker_agent.core.state import AgentState, Artefact
from worker_agent.protocol.layout import WorkLayout

SIZE = 100


class Place:
    """A cache, and the collector of one agent."""

    def __init__(self, root: Path) -> None:
        self.now, self.said = 0.0, list[str]()
        self.layout = WorkLayout(root)
        self.cache = Cache(self.layout, "r1")
        self.state, self.workers = AgentState(), Workers()
        self.collector = CacheCollector(self.state, self.workers, self.said.append, lambda: self.now)  # type: ignore[arg-type]

    def put(self, name: str, used_at: float) -> None:
        folder = self.layout.cached(name)
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * SIZE)
        os.utime(folder, (used_at, used_at))

    def look(self, limit: int | None) -> None:
        self.collector.look(self.cache, limit)
        self.answer()

    def answer(self) -> None:
        while self.workers.work:
            for item in self.workers.answers():
                if isinstance(item, CacheListed):
                    self.collector.on_listed(item)
                elif isinstance(item, CacheCleaned):
                    self.collector.on_cleaned(item)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.collector.close()


def test_the_least_recently_used_leave_and_what_is_needed_stays(place: Place) -> None:
    for number, name in enumerate(("old", "needed", "new", "own")):
        place.put(name, 1000.0 + number)
    place.state.artefacts.update({"needed": Artefact.VERIFYING, "old": Artefact.PRESENT})
    place.collector.lease(place.cache, "own")
    place.look(3 * SIZE)
    assert place.cache.contents.hashes() == ["needed", "new", "own"]
    assert "old" not in place.state.artefacts
    assert place.said == ["the cache is too large: removed old"]
    assert list(place.layout.evicted("r1").iterdir()) == []


def test_an_agent_that_uses_nothing_removes_nothing(place: Place) -> None:
    place.put("old", 1000.0)
    place.look(0)
    assert place.cache.contents.hashes() == ["old"]


def test_the_cache_is_looked_at_when_it_has_grown_and_from_time_to_time(place: Place) -> None:
    place.collector.lease(place.cache, "own")
    place.collector.look(place.cache, 0)
    place.collector.look(place.cache, 0)
    assert len(place.workers.work) == 1, "one look at a time"
    place.answer()
    place.collector.look(place.cache, 0)
    assert not place.workers.work, "too soon"
    place.cache.has_grown = True
    place.collector.look(place.cache, 0)
    assert place.workers.work
    place.answer()
    place.now += 10.0
    place.collector.look(place.cache, 0)
    assert place.workers.work


def test_while_somebody_begins_to_use_something_nothing_leaves(place: Place) -> None:
    place.put("old", 1000.0)
    place.collector.lease(place.cache, "own")
    with alone(place.layout):
        place.look(0)
    assert place.cache.contents.hashes() == ["old"] and place.cache.has_grown
    place.look(0)
    assert place.cache.contents.hashes() == []


def test_what_another_living_agent_has_leased_stays(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path)
    other.cache = Cache(other.layout, "r2")
    place.put("theirs", 1000.0)
    other.collector.lease(other.cache, "theirs")
    place.collector.lease(place.cache, "own")
    place.look(0)
    assert place.cache.contents.hashes() == ["theirs"]
    other.collector.close()
    place.cache.has_grown = True
    place.look(0)
    assert place.cache.contents.hashes() == []


def test_what_an_ended_agent_took_out_is_deleted(place: Place) -> None:
    left = place.layout.evicted("r1") / "x"
    left.mkdir(parents=True)
    place.collector.lease(place.cache, "own")
    assert place.workers.deleted == [left]


def test_trouble_is_told_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "not allowed")

    place.collector.lease(place.cache, "own")
    monkeypatch.setattr(place.cache.contents, "entries", fail)
    place.look(0)
    place.now += 10.0
    place.look(0)
    assert place.said == ["the cache cannot be looked at: [Errno 13] not allowed"]
    monkeypatch.undo()
    place.put("old", 1000.0)
    monkeypatch.setattr(place.cache.contents, "evict", fail)
    place.now += 10.0
    place.look(0)
    assert place.said[1:] == ["the cache cannot be cleaned: [Errno 13] not allowed"]


def test_a_lease_that_cannot_be_noted_is_told(place: Place) -> None:
    place.layout.leases.write_text("in the way")
    place.collector.lease(place.cache, "own")
    assert "who uses what of the cache cannot be noted" in place.said[0]
