"""How workers stand."""

from __future__ import annotations

from master.core.explaining.workers import Stands, WorkerStanding
from master.core.running import events as ev
from master.core.running.orders.of_workers import DrainWorkers, PauseWorkers, RemoveWorkers, SetSlots
from tests.unit.master.core.running.stage import Stage, job


def stands(run: Stage) -> WorkerStanding:
    return WorkerStanding.of(run.state.workers["w1"])


def test_a_worker_comes_goes_and_is_held() -> None:
    run = Stage(job("a"), job("b"), workers=["w1", "w2"])
    assert stands(run).stands is Stands.CONNECTING
    run.up("w1", slots=2)
    run.run_on("w1", "a", 1)
    assert stands(run) == WorkerStanding("w1", Stands.UP, 2, None, 0, 2, 0, "", None)
    run.order(SetSlots(["w1"], 1))
    run.order(PauseWorkers(["w1"]), "night")
    told = stands(run)
    assert (told.stands, told.most) == (Stands.PAUSED, 1)
    assert told.hold is not None and (told.hold.by, told.hold.why) == ("anna", "night")
    run.lost("w1")
    assert (stands(run).stands, stands(run).reason) == (Stands.PAUSED, "broken pipe")


def test_a_drain_is_done_when_nothing_is_there_any_more() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.order(DrainWorkers(["w1"]))
    assert stands(run).stands is Stands.DRAINING
    run.ended("w1", "a", 1)
    assert (stands(run).running, stands(run).to_come_home) == (0, 1)
    run.home("a", 1)
    run.wait(1)
    assert stands(run).stands is Stands.DRAINED


def test_trouble_has_its_reason() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.lost("w1")
    assert (stands(run).stands, stands(run).reason) == (Stands.DOWN, "broken pipe")
    run.up("w1")
    run.ended("w1", "a", 1, "worker_fault", error="disk full")
    assert (stands(run).stands, stands(run).reason) == (Stands.BAD_PLACE, "disk full")
    run.order(RemoveWorkers(["w1"]))
    assert stands(run).stands is Stands.LEAVING
    other = Stage(job("a"), workers=["w1"])
    other.tell(ev.WorkerUnusable(0.0, "w1", "no Python"))
    assert (stands(other).stands, stands(other).reason) == (Stands.UNUSABLE, "no Python")


def test_gpus_that_are_left_alone_are_named_as_long_as_they_are() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.tell(ev.WorkerUp(0.0, "w1", 2, 1.0, gpu_bytes=(9, 9), left_alone=("gpu1: in use by bob",)))
    assert stands(run).reason == "left alone is gpu1: in use by bob"
    run.tell(ev.SlotsHeldByOthers(0.0, "w1", 0.0))
    assert stands(run).reason == ""
