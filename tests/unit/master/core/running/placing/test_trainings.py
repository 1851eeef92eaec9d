"""Trainings of base models, as a worker is offered them."""

from __future__ import annotations

from master.core.planning.plan import Job
from master.core.running.placing.trainings import Trainings


def training(spec: str, parent: str | None = None) -> Job:
    return Job(f"base_models/{spec}", phase=1, needs=parent, makes=spec)


def order(trainings: Trainings, worker: str = "w1") -> list[str | None]:
    return [job.makes for job in trainings.best_first(worker)]


def filled(*jobs: Job) -> Trainings:
    trainings = Trainings()
    for job in jobs:
        trainings.put(job)
    return trainings


def test_without_parents_they_come_in_their_order() -> None:
    trainings = filled(training("b"), training("a"))
    trainings.put(training("c"), again=True)
    assert order(trainings) == ["c", "b", "a"]


def test_what_starts_from_what_a_worker_lacks_comes_last() -> None:
    trainings = filled(training("a", "x"), training("b", "y"), training("c"))
    trainings.hold("w1", "y")
    assert order(trainings) == ["b", "c", "a"]
    assert order(trainings, "w2") == ["c", "a", "b"]


def test_what_is_parted_is_gone() -> None:
    child = training("a", "x")
    trainings = filled(child, training("b"))
    trainings.part(child)
    assert order(trainings) == ["b"] and not trainings.is_near("w1", child)
