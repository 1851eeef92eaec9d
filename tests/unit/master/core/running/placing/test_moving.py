"""What waits on a worker moves on to one that has had room for seconds."""

from __future__ import annotations

from master.core.planning.plan import Job
from master.core.running import events as ev
from master.core.running.placing.moving import MOST_MOVES, WAIT_S
from tests.unit.master.core.running.stage import LEASE_S, Stage, job


def waiting() -> Stage:
    """`a` runs on `w1`, `b` waits there, and `w2` has room."""
    run = Stage(job("a"), job("b"))
    run.up("w1", slots=2)
    run.run_on("w1", "a", 1)
    run.up("w2")
    assert run.wait(1.0) == []
    return run


def test_a_job_that_waits_is_given_to_a_worker_that_has_had_room_for_seconds() -> None:
    run = waiting()
    assert run.wait(WAIT_S - 0.5) == []
    assert run.wait(0.5) == ["withdraw b#1@w1"]
    assert run.ended("w1", "b", 1, "cancelled")[:2] == [
        "b withdraw#1@w1: ready",
        "b assign#2@w2: assigned",
    ]


def test_what_has_started_meanwhile_stays() -> None:
    run = waiting()
    run.run_on("w1", "b", 1)
    assert run.wait(WAIT_S) == []


def test_what_waits_for_an_artefact_moves_only_to_who_holds_its_base_model() -> None:
    run = Stage(job("a", needs="x"), in_store={"x": "x#0"})
    run.up("w1")
    run.staging("w1", "a", 1)
    run.up("w2")
    run.wait(1.0)
    assert run.wait(WAIT_S) == []
    run.tell(ev.WorkerUp(run.at, "w2", 1, cached=frozenset({"x#0"})))
    assert run.wait(WAIT_S) == ["withdraw a#1@w1"]


def test_nothing_moves_to_a_worker_on_which_it_failed() -> None:
    run = waiting()
    run.state.jobs["b"].avoid = frozenset({"w2"})
    assert run.wait(WAIT_S) == []


def test_a_job_does_not_move_for_ever() -> None:
    run = waiting()
    run.state.jobs["b"].moves = MOST_MOVES
    assert run.wait(WAIT_S) == []


def test_a_job_that_moved_goes_back_where_the_only_other_gpu_is_too_small() -> None:
    run = Stage(job("a"), Job("b", phase=2, gpu_bytes=40), workers=["x", "t", "z"])
    run.tell(ev.WorkerUp(0.0, "x", 2, gpu_bytes=(80,)))
    run.run_on("x", "a", 1)
    run.tell(ev.WorkerUp(0.0, "t", 1, gpu_bytes=(80,)))
    run.wait(1.0)
    assert run.wait(WAIT_S) == ["withdraw b#1@x"]
    assert run.ended("x", "b", 1, "cancelled")[1] == "b assign#2@t: assigned"
    run.tell(ev.WorkerUp(run.at, "z", 1, gpu_bytes=(24,)))
    run.ended("x", "a", 1)
    run.lost("t")
    assert run.wait(LEASE_S + 1)[1] == "b assign#3@x: assigned"


def test_a_job_that_is_taken_back_goes_back_where_the_target_has_gone_and_the_rest_is_too_small() -> None:
    run = Stage(job("a"), Job("b", phase=2, gpu_bytes=40), workers=["x", "t", "z"])
    run.tell(ev.WorkerUp(0.0, "x", 2, gpu_bytes=(80,)))
    run.run_on("x", "a", 1)
    run.tell(ev.WorkerUp(0.0, "t", 1, gpu_bytes=(80,)))
    run.wait(1.0)
    run.wait(WAIT_S)
    run.lost("t")
    run.tell(ev.WorkerUp(run.at, "z", 1, gpu_bytes=(24,)))
    assert run.ended("x", "b", 1, "cancelled")[1] == "b assign#2@x: assigned"
