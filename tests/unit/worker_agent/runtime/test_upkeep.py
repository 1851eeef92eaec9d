"""What is done because time has passed."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.worker_agent.core.steps import exited
from worker_agent.core.state import AgentState
from worker_agent.runtime import upkeep as module
from worker_agent.runtime.upkeep import Stay, Upkeep


class Place:
    """An agent whose clock a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.done, self.said = 100.0, list[str](), list[str]()
        self.connections: Any = SimpleNamespace(master=None)
        self.is_due, self.watches_s = False, math.inf
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "complain", self.said.append)
        attempts: Any = SimpleNamespace(
            is_due=lambda: self.is_due,
            look_for_signs=self.note("signs"),
            tick=self.note("tick"),
            report_progress=self.note("progress"),
            watches=SimpleNamespace(wait_s=lambda: self.watches_s, show=lambda: None),
        )
        gpus: Any = SimpleNamespace(look_at_locks=self.note("locks"), look=self.note("gpus"))
        self.state = AgentState()
        links = Links(self)
        self.stay = Stay(60.0)
        self.upkeep = Upkeep(self.state, links, attempts, gpus, [self.note("chore")], self.stay)  # type: ignore[arg-type]
        self.connected = False

    def note(self, word: str) -> Any:
        return lambda: self.done.append(word)

    def keep(self, seconds: float = 0.0) -> list[str]:
        """Let time pass, and return what was done."""
        self.now += seconds
        self.done.clear()
        self.upkeep.keep_time()
        return list(self.done)


class Links:
    """Connections: whether there are any, and whether one is a master's."""

    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def master(self) -> object | None:
        return self if self._place.connected else None

    def __len__(self) -> int:
        return int(self._place.connected)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_a_round_is_once_a_second_and_the_core_hears_of_time_always(place: Place) -> None:
    assert place.keep() == ["signs", "tick", "chore"]
    assert place.keep(0.5) == ["tick"]
    assert place.keep(0.5) == ["signs", "tick", "chore"]


def test_a_limit_that_is_due_is_looked_at_between_rounds(place: Place) -> None:
    place.keep()
    place.is_due = True
    assert place.keep(0.1) == ["signs", "tick"]


def test_a_master_hears_of_slots_and_progress(place: Place) -> None:
    place.connected = True
    assert place.keep() == ["signs", "tick", "locks", "gpus", "progress", "chore"]


def test_it_waits_until_the_next_round(place: Place) -> None:
    assert place.upkeep.wait_s(0.0) == 0.0
    place.keep()
    assert place.upkeep.wait_s(0.0) == 1.0
    place.now += 5.0
    assert place.upkeep.wait_s(0.0) == 0.0


def test_an_agent_that_nobody_needs_ends(place: Place) -> None:
    place.keep(60.0)
    assert not place.upkeep.idle_for_too_long
    place.connected = True
    place.keep(10.0)
    place.connected = False
    place.keep(60.0)
    assert not place.upkeep.idle_for_too_long and place.said == []
    place.keep(1.0)
    assert place.upkeep.idle_for_too_long and place.upkeep.is_over
    assert place.said == ["no master and nothing to do for 60 s: the agent ends"]


def test_a_log_that_is_looked_at_is_looked_for_more_often(place: Place) -> None:
    place.keep()
    assert place.upkeep.wait_s(0.0) == 1.0
    place.watches_s = 0.2
    assert place.upkeep.wait_s(0.0) == 0.2


def test_an_agent_whose_machine_is_taken_back_leaves(place: Place) -> None:
    eviction: Any = SimpleNamespace(heed=lambda ended: ["kept"], wait_s=lambda: 0.5, is_over=False)
    assert place.upkeep.heed([exited()]) == [exited()]
    place.upkeep._stay = Stay(60.0, eviction=eviction)
    place.keep()
    assert place.upkeep.heed([exited()]) == ["kept"]
    assert place.upkeep.wait_s(0.0) == 0.5 and not place.upkeep.is_over
    eviction.is_over = True
    assert place.upkeep.is_over


def test_one_in_an_allocation_waits_longer_for_its_first_master(place: Place) -> None:
    place.upkeep._stay = Stay(1800.0, 300.0)
    place.keep(299.0)
    assert not place.upkeep.is_over
    place.keep(2.0)
    assert place.upkeep.is_over
