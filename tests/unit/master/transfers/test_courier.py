"""Requests are worked through one at a time, each once, and none after the end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from master.core.running import events as ev
from master.transfers.retry import Pauses
from master.transfers.single_flight import SingleFlight
from tests.support.courier_world import (
    NO_SPACE,
    SOON_S,
    WELCOME,
)
from tests.support.courier_world import CourierWorld as World


def test_the_same_request_twice_is_one_journey(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = world.produce(a="one")
    pulling, goes_on = threading.Event(), threading.Event()
    pull = world.session.pull

    def slow_pull(source: str, target: Path, names: list[str], most: int) -> None:
        pulling.set()
        assert goes_on.wait(SOON_S)
        pull(source, target, names, most)

    monkeypatch.setattr(world.session, "pull", slow_pull)
    world.collect({"files": rows})
    assert pulling.wait(SOON_S)
    world.collect({"files": rows})
    goes_on.set()
    assert isinstance(world.event(), ev.Collected)
    assert world.silent()


def test_a_request_while_the_first_is_giving_up_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = world.produce(a="one")
    world.line.welcome = None
    end = SingleFlight.end

    def racing_end(flight: SingleFlight, key: object, *, answered: bool) -> bool:
        if world.line.welcome is None:
            world.line.welcome = WELCOME
            world.collect({"files": rows})
        return end(flight, key, answered=answered)

    monkeypatch.setattr(SingleFlight, "end", racing_end)
    world.collect({"files": rows})
    assert isinstance(world.event(), ev.Collected)


def test_nothing_is_tried_after_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, pauses=Pauses(first_s=600.0))
    rows = world.produce(a="one")

    def refusing_pull(source: str, target: Path, names: list[str], most: int) -> None:
        raise NO_SPACE

    monkeypatch.setattr(world.session, "pull", refusing_pull)
    world.collect({"files": rows})
    world.note()
    world.courier.close()
    assert world.inbox.empty()
