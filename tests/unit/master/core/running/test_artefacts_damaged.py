"""Base models that are damaged in the store are trained again; what has not started to use them waits."""

from __future__ import annotations

from dataclasses import replace

from master.core.planning.resources import Resources
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import BASE, Stage, base, job


def staged() -> Stage:
    """`job` waits on `w1` for the base model that `w2` has made."""
    run = Stage(base(), job(needs="x"))
    run.up("w2")
    run.ended("w2", BASE, 1)
    run.lost("w2")
    run.up("w1")
    run.home(BASE, 1)
    assert run.staging("w1", "job", 1) == ["job stage#1@w1: staging", "deliver x#1 w1"]
    return run


def damage(run: Stage) -> list[str]:
    return run.tell(ev.BaseModelDamaged(run.at, "x"))


def test_it_is_trained_again_and_recorded_again() -> None:
    run = staged()
    run.up("w2")
    assert damage(run) == [
        f"{BASE} redo#1@w2: ready",
        f"{BASE} assign#2@w2: assigned",
        "withdraw job#1@w1",
        f"start {BASE}#2@w2",
    ]
    assert damage(run) == []
    assert run.ended("w1", "job", 1, "cancelled") == [
        "job withdraw#1@w1: ready",
        "job lock#1@w1: pending",
        "collect failed job#1@w1",
    ]
    run.ended("w2", BASE, 2)
    assert run.home(BASE, 1) == []
    assert run.home(BASE, 2)[:2] == [f"{BASE} collect#2@w2: succeeded", "job unlock#1@w1: ready"]


def test_what_is_ready_waits_and_what_runs_goes_on() -> None:
    run = Stage(job("a", "x"), job("b", "x"), in_store={"x": "x#0"}, workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    assert damage(run) == [f"{BASE} unlock#0@None: ready", "b lock#0@None: pending"]
    assert run.ended("w1", "a", 1)[0] == "a finish#1@w1: collecting"
    assert run.state.open_phase1 == 1


def test_nobody_is_blamed_for_a_damaged_base_model_that_does_not_arrive() -> None:
    run = staged()
    damage(run)
    failed = ev.DeliveryFailed(run.at, "w1", "x#1", "nothing here has the content hash x#1")
    for _ in range(5):
        assert run.tell(failed) == ["withdraw job#1@w1"]
    assert run.state.workers["w1"].usable


def test_what_still_asks_for_a_damaged_base_model_is_taken_back() -> None:
    run = staged()
    damage(run)
    assert run.tell(ev.ArtefactWanted(run.at, "w1", "x#1")) == ["withdraw job#1@w1"]


def test_a_recall_that_got_lost_is_said_again() -> None:
    run = staged()
    damage(run)
    run.lost("w1")
    assert run.up("w1", ("job", 1))[-1] == "withdraw job#1@w1"


def test_a_start_that_got_lost_is_not_said_again() -> None:
    run = staged()
    run.state.jobs["job"].state = State.ASSIGNED
    damage(run)
    run.lost("w1")
    assert run.up("w1")[:2] == ["job withdraw#1@w1: ready", "job lock#1@w1: pending"]


def test_jobs_that_come_back_after_the_second_training_failed_are_blocked() -> None:
    run = Stage(job("a", "x"), job("b", "x"), in_store={"x": "x#0"}, policy=Policy(retries=0))
    run.up("w1")
    run.run_on("w1", "a", 1)
    damage(run)
    run.up("w2")
    assert run.ended("w2", BASE, 1, "failed") == [
        f"{BASE} fail#1@w2: failed",
        "b block#0@None: blocked",
        f"collect failed {BASE}#1@w2",
    ]
    assert run.ended("w1", "a", 1, "lost") == [
        "a lose#1@w1: ready",
        "a lock#1@w1: pending",
        "a block#1@w1: blocked",
        "collect failed a#1@w1",
        "finish 1",
    ]


def test_one_that_comes_out_the_same_is_delivered_to_who_asked_in_between() -> None:
    run = staged()
    damage(run)
    run.tell(ev.DeliveryFailed(run.at, "w1", "x#1", "nothing here has the content hash x#1"))
    run.ended("w1", "job", 1, "cancelled")
    run.ended("w1", BASE, 2)
    run.tell(ev.Collected(run.at, BASE, 2, "x#1"))
    run.state.workers["w1"].cached.clear()
    assert run.staging("w1", "job", 2) == ["job stage#2@w1: staging", "deliver x#1 w1"]


def test_one_that_only_a_hopeless_worker_is_left_to_train_again_is_given_up() -> None:
    run = Stage(base(), job(needs="x"))
    run.up("w1")
    run.started("w1", BASE, 1)
    run.ended("w1", BASE, 1, "failed", exit_code=1, stderr_tail="SyntaxError: invalid syntax")
    run.up("w2")
    run.wait(60.0)
    run.started("w2", BASE, 2)
    run.ended("w2", BASE, 2)
    run.home(BASE, 2)
    run.ended("w2", "job", 1, "failed", exit_code=1)
    damage(run)
    run.tell(ev.WorkerUnusable(run.at, "w2", "no rsync"))
    run.wait(1000.0)
    assert run.stands(BASE) is State.FAILED


def test_what_is_trained_again_is_brought_though_its_bytes_are_those_that_were_damaged() -> None:
    run = staged()
    run.up("w2")
    damage(run)
    run.ended("w1", "job", 1, "cancelled")
    run.ended("w2", BASE, 2)
    run.tell(ev.Collected(run.at, BASE, 2, "x#1"))
    assert run.state.home == {"x": "x#1"} and run.state.jobs["job"].worker == "w1"
    assert "deliver x#1 w1" in run.staging("w1", "job", 2)


def test_what_was_adopted_is_taken_back_for_it_may_wait_for_what_is_damaged() -> None:
    run = Stage(job(needs="x"), in_store={"x": "x#0"}, workers=["w1"])
    run.up("w1")
    run.staging("w1", "job", 1)
    run.silent("w1")
    assert run.up("w1", ("job", 1))[0] == "job adopt#1@w1: running"
    assert damage(run)[-1] == "withdraw job#1@w1"
    assert run.ended("w1", "job", 1, "cancelled")[:2] == [
        "job withdraw#1@w1: ready",
        "job lock#1@w1: pending",
    ]


def test_what_was_adopted_is_taken_back_from_a_worker_that_cannot_be_brought_what_it_waits_for() -> None:
    run = Stage(job(needs="x"), in_store={"x": "x#0"}, workers=["w1"])
    run.up("w1")
    run.silent("w1")
    run.up("w1", ("job", 1))
    run.tell(ev.ArtefactWanted(run.at, "w1", "x#0"))
    failed = ev.DeliveryFailed(run.at, "w1", "x#0", "no space left")
    said = [run.tell(failed) for _ in range(run.policy.max_deliveries)][-1]
    assert said == ["pause w1 5 s: no space left", "withdraw job#1@w1"]


def test_what_is_adopted_after_its_base_model_was_damaged_is_taken_back_if_it_waits() -> None:
    run = Stage(job(needs="x"), in_store={"x": "x#0"})
    run.up("w1")
    run.staging("w1", "job", 1)
    run.up("w2")
    run.silent("w1")
    run.run_on("w2", "job", 2)
    run.up("w1", ("job", 1))
    damage(run)
    said = run.ended("w2", "job", 2, "worker_fault")
    assert "job adopt#1@w1: running" in said and "withdraw job#1@w1" in said


def test_one_of_the_store_is_trained_again_only_where_base_models_may_be_trained() -> None:
    run = Stage(job("a", "x"), in_store={"x": "x#0"}, workers=["w1", "w2"])
    trusted = replace(base(), resources=Resources(frozenset({"trusted"})))
    run.state.plan = replace(run.state.plan, if_damaged={"x": trusted})
    run.state.workers["w2"].labels = trusted.resources.labels
    run.up("w1", slots=2)
    assert damage(run)[0] == f"{BASE} unlock#0@None: ready" and run.stands(BASE) is State.READY
    assert f"{BASE} assign#1@w2: assigned" in run.up("w2")
