"""Workers join and go while a run goes on."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any, cast

import pytest

from master.adapters.inbox import Inbox, Noted
from master.core.running.orders.of_workers import AddWorker
from master.errors import ConfigError
from master.runs.fleet.fleet import Fleet
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from master.storage.journal import Journal
from master.storage.library import Library
from master.transfers.courier import Courier
from tests.support.rosters import QuietLink, roster_of
from worker_agent.protocol import messages as msg

SOON_S = 20.0
"""For what must come; only a failing test waits so long."""
LAB9 = AddWorker({"servers": [{"host": "lab9", "gpus": 0, "labels": ["big"]}]})


class World:
    """A fleet whose parts are remembered."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.carried = threading.Event()
        self.carried.set()
        self.inbox: Inbox = SimpleQueue()
        settings = msg.Settings(modules=["numpy"], required_modules=["torch"])
        pool = PoolSpec("hpc", ServerSpec("login", "login", labels=("big",)), 2, 3600.0)
        servers = (ServerSpec("lab1", "lab1.uni.edu", agent=settings),)
        cluster = ClusterSpec((*servers, *pool.all_seats), pools=(pool,))
        self.roster = roster_of(ClusterSpec(servers))
        anything: Any = self
        parts = cast(Courier, anything), Library(), cast(Journal, anything), self.inbox
        self.fleet = Fleet(self.roster, *parts, listed=cluster)

    def remember_workers(self, changes: dict[str, Any]) -> None:
        self.told.append(changes)

    def part(self, worker: str) -> None:
        assert self.carried.wait(SOON_S)
        self.told.append(f"{worker} has nothing under way")

    def link(self, name: str) -> QuietLink:
        return cast(QuietLink, self.roster.links[name])

    def notes(self) -> list[str]:
        """Wait for what is under way, and return what was said."""
        self.fleet.close()
        found = []
        while not self.inbox.empty():
            item = self.inbox.get()
            assert isinstance(item, Noted)
            found.append(item.text)
        return found


def test_a_worker_joins_once_its_config_is_read() -> None:
    world = World()
    prepared = world.fleet.prepare(LAB9)
    assert (prepared.name, prepared.labels) == ("lab9", ["big"])
    assert "lab9" not in world.roster.links
    world.fleet.connect("lab9")
    assert world.link("lab9").done == ["start"]
    assert list(world.told[0]) == ["lab9"] and world.told[0]["lab9"]["host"] == "lab9"


def test_a_seat_that_was_removed_joins_again_as_the_run_has_it() -> None:
    world = World()
    prepared = world.fleet.prepare(AddWorker({}, seat="hpc.2"))
    assert (prepared.name, prepared.pool, prepared.labels) == ("hpc.2", "hpc", ["big"])
    world.fleet.connect("hpc.2")
    link = world.link("hpc.2")
    assert link.done == ["start"] and not link.gate._is_open
    assert world.told[0]["hpc.2"]["pool"]["seats"] == 2


def test_a_config_that_is_none_joins_nothing() -> None:
    world = World()
    with pytest.raises(ConfigError):
        world.fleet.prepare(AddWorker({"servers": [{"host": "a b", "gpus": 0}]}))
    assert list(world.roster.links) == ["lab1"]


def test_a_worker_that_joins_after_the_last_one_went_is_asked_for_the_same_modules() -> None:
    world = World()
    world.fleet.let_go("lab1", answers=True)
    world.notes()
    world.fleet.prepare(LAB9)
    world.fleet.connect("lab9")
    settings = world.roster.members["lab9"].server.agent
    assert (settings.modules, settings.required_modules) == (["numpy"], ["torch"])


def test_a_worker_goes_after_what_is_under_way_and_its_agent_ends() -> None:
    world = World()
    link = world.link("lab1")
    world.fleet.let_go("lab1", answers=True)
    assert world.notes() == ["lab1: has left the run, nothing of it is there any more"]
    assert world.told == [{"lab1": None}, "lab1 has nothing under way"]
    assert link.done == ["part", ("close", msg.Shutdown())] and not world.roster.links
    world.fleet.let_go("lab1", answers=True)
    assert world.notes() == []


def test_of_a_worker_that_does_not_answer_the_user_is_told_what_to_do_and_the_journal_keeps_it() -> None:
    world = World()
    link = world.link("lab1")
    world.fleet.let_go("lab1", answers=False)
    (note,) = world.notes()
    assert "what runs there of it goes on" in note and "log in to lab1.uni.edu and end the agent" in note
    assert world.told == ["lab1 has nothing under way"] and link.done == ["part", ("close", None)]


def test_a_worker_that_is_added_again_is_connected_to_once_its_going_is_done() -> None:
    world = World()
    world.carried.clear()
    link = world.link("lab1")
    world.fleet.let_go("lab1", answers=True)
    assert link.done == ["part"]
    world.fleet.prepare(AddWorker({"servers": [{"host": "lab1", "gpus": 0}]}))
    world.fleet.connect("lab1")
    again = world.link("lab1")
    assert again is not link and again.done == []
    world.carried.set()
    assert world.notes() == [
        "lab1: is connected to once it has left: something is being carried yet",
        "lab1: has left the run, nothing of it is there any more",
    ]
    assert link.done == ["part", ("close", msg.Shutdown())] and again.done == ["start"]


def test_a_worker_is_asked_for_more_slots_and_one_that_has_gone_is_not() -> None:
    world = World()
    world.fleet.have_slots("lab1", 8)
    world.fleet.have_slots("gone", 8)
    assert world.link("lab1").done == [("have slots", 8)]
