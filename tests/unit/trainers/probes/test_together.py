"""Jobs at once: which layers are trained beside each other, and when each job goes on and ends."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tests.unit.trainers.probes.data import gaussian_classes, layer_of
from trainers.common.errors import TrainerError
from trainers.common.memory import OutOfMemoryError
from trainers.probes.fitting.columns import Trainee
from trainers.probes.run import Run
from trainers.probes.settings import Settings
from trainers.probes.together import Task, run_together
from trainers.probes.work import LayerWork

Log = list[str]


@dataclass
class Work:
    """A layer of two probes, which notes what is done with it."""

    name: str
    log: Log
    kind: Hashable = "a"
    epochs: int = 2
    fused: bool = True
    fails: Exception | None = None
    advice: str = "buy more"
    finished: list[int] = field(default_factory=list)

    def start(self, between: Callable[[], None]) -> Trainee | None:
        self.log.append(f"{self.name} starts")
        if not self.fused:
            between()
            self.log.append(f"{self.name} is trained")
        if self.fails is not None:
            raise self.fails
        settings = Settings(epochs=self.epochs, lrs=(1e-2,), batch_size=32)
        layer = layer_of(gaussian_classes(), settings)
        return Trainee(layer, settings, [0, 1]) if self.fused else None

    def told(self, inputs: object) -> None:
        assert inputs is not None

    def took(self, done: int, total: int, finished: list[Any], seconds: float) -> None:
        self.log.append(f"{self.name}{done}")
        assert total == self.epochs and seconds >= 0
        self.finished += [one.probe for one in finished]

    def end(self) -> None:
        self.log.append(f"{self.name} has {self.finished}")


def task(*layers: Work, may_go_on: Callable[[], None] = list) -> Task:
    def run() -> Run:
        for work in layers:
            yield cast(LayerWork, work)
            work.end()

    return Task(run(), may_go_on)


def done(log: Log, *tasks: Task) -> Log:
    run_together(tasks, lambda number, error: log.append(f"{number} ends {error or 'well'}"))
    return log


def test_layers_of_one_kind_are_trained_beside_each_other_and_others_in_turn() -> None:
    log: Log = []
    done(log, task(Work("x", log)), task(Work("y", log, "b")), task(Work("z", log, epochs=3)))
    assert log == [
        *("x starts", "z starts", "x1", "z1", "x2", "x has [0, 1]", "0 ends well", "z2"),
        *("z3", "z has [0, 1]", "2 ends well"),
        *("y starts", "y1", "y2", "y has [0, 1]", "1 ends well"),
    ]


def test_jobs_of_several_layers_meet_in_each() -> None:
    log: Log = []
    jobs = [task(Work(f"{name}1", log, 1), Work(f"{name}2", log, 2)) for name in "xy"]
    done(log, *jobs)
    assert log.index("x1 has [0, 1]") < log.index("x2 starts") < log.index("y2 starts") < log.index("x21")


def test_what_is_not_trained_beside_others_is_done_where_it_starts() -> None:
    log: Log = []
    done(log, task(Work("x", log, fused=False)), task(Work("y", log)))
    assert log[:4] == ["x starts", "x is trained", "x has []", "0 ends well"] and log[-1] == "1 ends well"


def test_jobs_leave_while_another_is_trained_by_itself() -> None:
    log: Log = []
    leaves = task(Work("y", log, "b"), may_go_on=leaving(0))
    done(log, task(Work("x", log, fused=False)), leaves)
    assert log == ["x starts", "1 ends left", "x is trained", "x has []", "0 ends well"]


def test_a_job_that_fails_ends_by_itself() -> None:
    log: Log = []
    done(log, task(Work("x", log, fails=TrainerError("no"))), task(Work("y", log)))
    assert log[:3] == ["x starts", "0 ends no", "y starts"] and log[-1] == "1 ends well"


def leaving(after: int) -> Callable[[], None]:
    asked = iter(range(1000))

    def may_go_on() -> None:
        if next(asked) >= after:
            raise TrainerError("left")

    return may_go_on


def test_jobs_leave_between_epochs_whether_they_train_or_wait() -> None:
    log: Log = []
    waiting = task(Work("w", log, "b"), may_go_on=leaving(0))
    done(log, task(Work("x", log, epochs=4), may_go_on=leaving(1)), task(Work("y", log, epochs=4)), waiting)
    assert log.index("2 ends left") < log.index("x2") < log.index("0 ends left") < log.index("y3")
    assert "x3" not in log and "w starts" not in log and log[-1] == "1 ends well"


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("none left")])
def test_memory_that_runs_out_ends_a_lone_job_with_advice_and_several_all(error: Exception) -> None:
    class Greedy(Work):
        def took(self, *_: Any) -> None:
            raise error

    log: Log = []
    done(log, task(Greedy("x", log)))
    assert log[-1].startswith("0 ends ") and ("buy more" in log[-1] or "none left" in log[-1])
    if isinstance(error, MemoryError):
        with pytest.raises(OutOfMemoryError):
            done([], task(Greedy("x", log)), task(Work("y", log)))
