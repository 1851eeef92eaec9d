"""What is heard of trainings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from master.errors import TwophaseError
from master.storage.run_layout import RunLayout
from master.web.api import hearing as module
from master.web.api.hearing import Hearing
from tests.unit.master.web.api.conftest import reported, training
from tests.unit.master.web.api.test_trainings import ROW

GOING = training("going")


class Master:
    """Tells one thing after another; an error is raised."""

    def __init__(self, *told: Any) -> None:
        self.told, self.asked = list(told), list[int]()

    def look(self, after: int) -> Any:
        self.asked.append(after)
        told = self.told.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


def epochs(layout: RunLayout, master: Master, looks: int) -> list[int]:
    """Look so often and return what is known of the training that goes on."""

    async def run() -> list[int]:
        hearing = Hearing(layout, master)  # type: ignore[arg-type]
        for _ in range(looks):
            await hearing.look()
        return [each.epoch for each in await hearing.reports_of(GOING, ROW)]

    return asyncio.run(run())


def test_only_what_is_new_is_asked_for(layout: RunLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    master = Master(reported(2, 1.0), reported(3, 2.0))
    assert epochs(layout, master, 2) == [1, 2] and master.asked == [0, 2]


def test_another_master_is_asked_from_the_beginning(
    layout: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    again = {**reported(5, 3.0), "start": "b"}
    master = Master(reported(9, 1.0), {**reported(5), "start": "b"}, again)
    assert epochs(layout, master, 2) == [1, 3] and master.asked == [0, 9, 0]


@pytest.mark.parametrize("silence", [None, TwophaseError("no answer")])
def test_a_master_that_gives_no_answer_takes_nothing_away(
    silence: Any, layout: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    assert epochs(layout, Master(reported(1, 2.0), silence), 2) == [2]


def test_it_is_not_asked_again_and_again(layout: RunLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 3600.0)
    master = Master(reported(1, 2.0))
    epochs(layout, master, 3)
    assert master.asked == [0]
