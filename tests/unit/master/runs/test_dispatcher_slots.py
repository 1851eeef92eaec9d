"""More slots are asked of the fleet."""

from __future__ import annotations

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.records import Outbox
from tests.unit.master.runs.test_dispatcher import World, dispatcher_module, stepping


class Asked(World):
    """One whose fleet is asked for slots."""

    def have_slots(self, name: str, least: int | None) -> None:
        self.done.append(("have slots", (name, least)))


def test_more_slots_are_asked_of_the_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(0.0, commands=[cmd.HaveSlots("lab1", 8)])
    monkeypatch.setattr(dispatcher_module, "step", stepping(outbox))
    world = Asked()
    world.put(ev.WorkerLost(0.0, "lab1", "down"), ev.Tick(0.0))
    assert world.dispatcher.run() == 4
    assert ("have slots", ("lab1", 8)) in world.done
