"""Runs that are trained as one: each goes on and ends as soon as its own trainings have ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.trainers.personalization.fitting.stacks import SPEC, trainee
from trainers.common.errors import TrainerError
from trainers.personalization import together
from trainers.personalization.runs import Run
from trainers.personalization.together import Task, run_together

Log = list[str]


def run_of(name: str, log: Log, *stages: int, **more: Any) -> Run:
    """Return a run of trainings of so many epochs, which writes down when it begins, goes on and ends."""
    log.append(f"{name} loads")
    for epochs in stages:
        told = lambda epoch, _, **__: log.append(f"{name}{epoch}")  # noqa: E731
        (progress,) = yield [replace(trainee(epochs=epochs, patience=99, **more), report=told)]
        assert progress.epoch == epochs
        log.append(f"{name} has {epochs}")


def task(name: str, log: Log, *stages: int, may_go_on: Callable[[], None] = list, **more: Any) -> Task:
    return Task(run_of(name, log, *stages, **more), may_go_on)


def done(log: Log, *tasks: Task) -> Log:
    """Do the runs and return the log, which has their ends in it."""
    run_together(tasks, lambda number, error: log.append(f"{number} ends {error or 'well'}"))
    return log


def test_who_has_learned_enough_ends_while_others_learn() -> None:
    log: Log = []
    done(log, task("a", log, 2), task("b", log, 5))
    assert log.index("a has 2") < log.index("0 ends well") < log.index("b3")
    assert log[-2:] == ["b has 5", "1 ends well"]


def test_another_training_of_a_run_begins_with_those_of_others() -> None:
    log: Log = []
    done(log, task("a", log, 2, 3), task("b", log, 4, 1))
    assert log[-3:] == ["a3", "a has 3", "0 ends well"] and "1 ends well" in log
    assert log.count("a1") == log.count("b1") == 2


def leaving(after: int) -> Callable[[], None]:
    asked = iter(range(1000))

    def may_go_on() -> None:
        if next(asked) >= after:
            raise TrainerError("left")

    return may_go_on


def test_who_is_to_end_while_it_waits_for_another_training_ends_then() -> None:
    log: Log = []
    done(log, task("a", log, 1, 3, may_go_on=leaving(3)), task("b", log, 9))
    assert log.index("0 ends left") < log.index("b9")
    assert log.count("a1") == 1


def test_no_more_windows_are_loaded_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "MOST_BYTES", 1)
    log: Log = []
    done(log, task("a", log, 2), task("b", log, 1), task("c", log, 1, may_go_on=leaving(2)))
    assert log.index("0 ends well") < log.index("b loads") < log.index("1 ends well")
    assert "2 ends left" in log and "c loads" not in log


def test_who_is_of_another_shape_can_leave_before_its_turn() -> None:
    log: Log = []
    other = replace(SPEC, hidden_sizes=(7,))
    waiting = task("b", log, 3, spec=other)
    asked = leaving(2)

    def run() -> Run:
        (_,) = yield [replace(trainee(other, epochs=3), may_go_on=asked)]

    done(log, task("a", log, 6), Task(run(), list), waiting)
    assert log.index("1 ends left") < log.index("a6")
    assert log[-1] == "2 ends well"
