"""How long the dispatcher waits for more before it goes on."""

from __future__ import annotations

import pytest

from master.core.running import events as ev
from master.runs import dispatcher as dispatcher_module
from tests.unit.master.runs.test_dispatcher import FINISHED, HOME, UP, World
from worker_agent.protocol.lines import LONGER


def test_in_a_burst_more_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(dispatcher_module.time, "sleep", waits.append)
    monkeypatch.setattr(dispatcher_module, "GATHER_S", 1.0)
    monkeypatch.setattr(dispatcher_module, "MAX_BATCH", 3)
    world = World(jobs=6)
    world.dispatcher.begin()
    world.put(UP, *FINISHED, *(ev.Tick(0.0) for _ in range(4)))
    for _ in range(3):
        world.dispatcher.turn(world.dispatcher._batch())
    assert waits == [1.0, LONGER, 1.0]
    waits.clear()
    world = World()
    world.dispatcher.begin()
    for events in ([UP], [*FINISHED, ev.Tick(0.0)], HOME):
        world.put(*events)
        world.dispatcher.turn(world.dispatcher._batch())
    assert waits == [1.0, 1.0, 1.0], "no job is ready any more"
