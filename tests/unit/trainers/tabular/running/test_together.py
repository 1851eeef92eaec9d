"""Jobs of one process: how many begin at once, who leaves while others train, and how each ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.trainers.tabular.training.made import member
from tests.unit.trainers.tabular.training.test_together import leaving, training
from trainers.common.errors import BadInput, TrainerError
from trainers.tabular.running import together
from trainers.tabular.running.together import Run, Task, run_alone, run_together
from trainers.tabular.training.members import Reports

Log = list[str]


def run_of(name: str, log: Log, *stages: int, **others: Any) -> Run:
    """Return a job of trainings of so many epochs, which writes down when it begins, goes on and ends."""
    log.append(f"{name} reads")
    for epochs in stages:
        hears = Reports(lambda _, record: log.append(f"{name}{record['epoch']}"))
        (found,) = yield training(member(), epochs=epochs, reports=hears, **others)
        log.append(f"{name} has {found.stop_epoch}")


def task(name: str, log: Log, *stages: int, may_go_on: Callable[[], None] = list, **others: Any) -> Task:
    return Task(run_of(name, log, *stages, may_go_on=may_go_on, **others), may_go_on)


def done(log: Log, *tasks: Task) -> Log:
    """Do the jobs and return the log, which has their ends in it."""
    run_together(tasks, lambda number, error: log.append(f"{number} ends {error or 'well'}"))
    return log


def test_who_wants_no_more_ends_before_what_the_others_want_next() -> None:
    log: Log = []
    done(log, task("a", log, 2), task("b", log, 2, 3), task("c", log))
    assert log[:4] == ["a reads", "b reads", "c reads", "2 ends well"]
    assert log.index("0 ends well") < log.index("b3")
    assert log[-2:] == ["b has 3", "1 ends well"]


def test_no_more_rows_are_read_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "MOST_BYTES", 1)
    log: Log = []
    done(log, task("a", log, 2), task("b", log, 1), task("c", log, 1, may_go_on=leaving(1)))
    assert log.index("0 ends well") < log.index("b reads") < log.index("1 ends well")
    assert "2 ends left" in log and "c reads" not in log


def test_who_is_to_end_leaves_while_others_train() -> None:
    log: Log = []
    done(log, task("a", log, 6), task("b", log, 6, may_go_on=leaving(4)))
    assert log.index("1 ends left") < log.index("a6") and "b6" not in log
    assert log[-1] == "0 ends well"


def test_what_a_job_raises_ends_it_alone() -> None:
    log: Log = []

    def bad() -> Run:
        raise BadInput("no such file")
        yield  # a run is a generator

    def lost() -> Run:
        yield training(member(clip_norm=0.0, learning_rate=1e200))

    done(log, Task(bad(), list), Task(lost(), list), task("a", log, 1))
    assert log[0] == "0 ends no such file" and log[-1] == "2 ends well"
    assert any(line.startswith("1 ends the loss is no number") for line in log)


def test_a_lone_job_raises_what_ends_it() -> None:
    log: Log = []
    run_alone(run_of("a", log, 1))
    assert log == ["a reads", "a1.0" if "a1.0" in log else "a1", "a has 1"]
    with pytest.raises(TrainerError, match="left"):
        run_alone(run_of("b", log, 3, may_go_on=leaving(1)))
