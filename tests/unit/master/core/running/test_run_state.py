"""Events in, transitions and commands out: the ordinary way of a run, failures, stops and workers that go."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.running import events as ev
from master.core.running.policy import Policy
from tests.support.endings import finished
from tests.unit.master.core.running.stage import BASE, Stage, base, job, one_running_alone


def test_a_run_trains_the_base_model_then_runs_the_job_then_ends() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    assert run.begun == [f"{BASE} unlock#0@None: ready"]
    assert run.up("w1") == [f"{BASE} assign#1@w1: assigned", f"start {BASE}#1@w1"]
    assert run.staging("w1", BASE, 1) == [f"{BASE} stage#1@w1: staging"]
    assert run.started("w1", BASE, 1) == [f"{BASE} start#1@w1: running"]
    assert run.ended("w1", BASE, 1) == [f"{BASE} finish#1@w1: collecting", f"collect {BASE}#1@w1"]
    assert run.home(BASE, 1) == [
        f"{BASE} collect#1@w1: succeeded",
        "job unlock#0@None: ready",
        "job assign#1@w1: assigned",
        f"release {BASE}#1@w1",
        "start job#1@w1",
    ]
    assert run.started("w1", "job", 1) == ["job start#1@w1: running"]
    assert run.ended("w1", "job", 1) == ["job finish#1@w1: collecting", "collect job#1@w1"]
    assert run.home("job", 1) == ["job collect#1@w1: succeeded", "release job#1@w1", "finish 0"]
    assert run.wait(1) == []


def test_a_base_model_in_the_store_is_not_trained() -> None:
    run = Stage(job(needs="x"), in_store={"x": "x#0"})
    assert run.begun == ["job unlock#0@None: ready"]


def test_a_run_of_nothing_ends_at_once() -> None:
    assert Stage().begun == ["finish 0"]


def test_what_is_said_twice_or_too_late_changes_nothing() -> None:
    run = Stage(job(), job("other"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "job", 1)
    assert run.staging("w1", "job", 1) == []
    assert run.started("w1", "job", 1) == []
    run.ended("w1", "job", 1)
    assert run.started("w1", "job", 1) == []
    assert run.ended("w1", "job", 1) == []
    run.home("job", 1)
    assert run.home("job", 1) == []
    assert run.ended("w1", "job", 1) == ["cancel job#1@w1", "release job#1@w1"]
    assert run.ended("w1", "unheard of", 1) == ["cancel unheard of#1@w1", "release unheard of#1@w1"]
    assert run.home("unheard of", 1) == []


def test_slots_that_others_hold_are_left_to_them() -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1"])
    up = ev.WorkerUp(0.0, "w1", slots=2, held_by_others=1)
    assert run.tell(up) == ["a assign#1@w1: assigned", "start a#1@w1"]
    assert run.wait(1) == []
    assert run.tell(ev.SlotsHeldByOthers(0.0, "w1", 0)) == ["b assign#1@w1: assigned", "start b#1@w1"]


# ---- failures


def test_a_failed_attempt_is_tried_again_elsewhere_after_a_pause() -> None:
    run = Stage(job())
    run.up("w1")
    run.up("w2")
    run.run_on("w1", "job", 1)
    assert run.ended("w1", "job", 1, "failed") == ["job retry#1@w1: ready", "collect failed job#1@w1"]
    assert run.wait(4) == []
    assert run.wait(1) == ["job assign#2@w2: assigned", "start job#2@w2"]
    assert run.ended("w2", "job", 2, "failed") == [
        "job fail#2@w2: failed",
        "collect failed job#2@w2",
        "finish 1",
    ]
    assert run.state.jobs["job"].note == "failed 2 times"


@pytest.mark.parametrize("why", ["lost", "unusable", "occupied"])
def test_the_worker_on_which_it_failed_is_better_than_none(why: str) -> None:
    run = Stage(job())
    run.up("w1")
    run.up("w2")
    run.ended("w1", "job", 1, "failed")
    events: dict[str, ev.Event] = {
        "lost": ev.WorkerLost(run.at, "w2", "broken pipe"),
        "unusable": ev.WorkerUnusable(run.at, "w2", "no rsync"),
        "occupied": ev.SlotsHeldByOthers(run.at, "w2", 1),
    }
    assert run.tell(events[why]) == []
    assert run.wait(5) == ["job assign#2@w1: assigned", "start job#2@w1"]


def test_what_asks_for_another_try_gets_it_on_the_same_worker() -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(retries=0, max_requeues=1))
    run.up("w1")
    assert run.ended("w1", "job", 1, "requeue") == ["job retry#1@w1: ready", "collect failed job#1@w1"]
    assert run.wait(5) == ["job assign#2@w1: assigned", "start job#2@w1"]
    assert run.ended("w1", "job", 2, "requeue") == [
        "job fail#2@w1: failed",
        "collect failed job#2@w1",
        "finish 1",
    ]


def test_the_jobs_of_a_base_model_that_failed_are_blocked() -> None:
    run = Stage(base(), job(needs="x"), job("free"), workers=["w1"], policy=Policy(retries=0))
    run.up("w1", slots=2)
    assert run.ended("w1", BASE, 1, "failed") == [
        f"{BASE} fail#1@w1: failed",
        "job block#0@None: blocked",
        f"collect failed {BASE}#1@w1",
    ]
    run.ended("w1", "free", 1)
    assert run.home("free", 1) == ["free collect#1@w1: succeeded", "release free#1@w1", "finish 1"]


def test_an_outcome_that_cannot_be_had_is_a_failure() -> None:
    run = Stage(job())
    run.up("w1")
    run.ended("w1", "job", 1)
    failed = ev.CollectionFailed(run.at, "job", 1, "damaged")
    assert run.tell(failed) == ["job retry#1@w1: ready", "release job#1@w1"]
    assert run.tell(failed) == []
    assert run.state.jobs["job"].note == "failed: damaged"


def test_the_log_of_a_failed_attempt_is_asked_for_again_when_the_link_is_back() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.ended("w1", "job", 1, "failed")
    run.lost("w1")
    assert run.up("w1", ("job", 1)) == ["collect failed job#1@w1"]


# ---- phases


def test_strict_phases_hold_jobs_until_every_base_model_has_ended() -> None:
    jobs = (base("x"), base("y"), job("a", "x"), job("b"))
    run = Stage(*jobs, workers=["w1"], policy=Policy(strict_phases=True, retries=0))
    run.up("w1", slots=4)
    run.ended("w1", BASE, 1)
    assert run.home(BASE, 1) == [f"{BASE} collect#1@w1: succeeded", f"release {BASE}#1@w1"]
    assert run.ended("w1", "base_models/y", 1, "failed") == [
        "base_models/y fail#1@w1: failed",
        "a unlock#0@None: ready",
        "b unlock#0@None: ready",
        "b assign#1@w1: assigned",
        "a assign#1@w1: assigned",
        "collect failed base_models/y#1@w1",
        "start b#1@w1",
        "start a#1@w1",
    ]


# ---- stopping


def test_a_stop_takes_back_what_waits_and_lets_run_what_runs() -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1"])
    run.up("w1", slots=2)
    run.run_on("w1", "a", 1)
    assert run.tell(ev.StopRequested(run.at)) == ["withdraw b#1@w1"]
    assert run.ended("w1", "b", 1, "cancelled") == ["b withdraw#1@w1: ready", "collect failed b#1@w1"]
    assert run.ended("w1", "a", 1) == ["a finish#1@w1: collecting", "collect a#1@w1"]
    assert run.home("a", 1) == ["a collect#1@w1: succeeded", "release a#1@w1", "finish 130"]


def test_a_stop_during_a_pause_ends_the_run() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.ended("w1", "job", 1, "failed")
    assert run.tell(ev.StopRequested(run.at)) == ["finish 130"]


def test_a_cancel_ends_what_runs_and_brings_home_what_is_done() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1", slots=2)
    run.run_on("w1", "a", 1)
    run.ended("w1", "b", 1)
    assert run.tell(ev.CancelRequested(run.at)) == ["cancel a#1@w1"]
    assert run.ended("w1", "a", 1, "cancelled") == ["a cancel#1@w1: cancelled", "collect failed a#1@w1"]
    assert run.home("b", 1) == ["b collect#1@w1: succeeded", "release b#1@w1", "finish 130"]


def test_what_starts_after_a_cancel_is_cancelled_again() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    assert run.tell(ev.CancelRequested(run.at)) == ["cancel job#1@w1"]
    assert run.started("w1", "job", 1) == ["job start#1@w1: running", "cancel job#1@w1"]


def test_a_stop_that_the_last_job_outruns_is_a_success() -> None:
    run = one_running_alone()
    assert run.tell(ev.StopRequested(run.at)) == []
    run.ended("w1", "job", 1)
    assert run.home("job", 1) == ["job collect#1@w1: succeeded", "release job#1@w1", "finish 0"]


# ---- workers that cannot be had


def test_a_run_whose_workers_are_all_impossible_says_so() -> None:
    run = Stage(job())
    assert run.tell(ev.WorkerUnusable(run.at, "w1", "no rsync")) == []
    assert run.tell(ev.WorkerUnusable(run.at, "w2", "refused key")) == ["finish 4"]


def test_a_first_connection_that_fails_is_tried_again_for_a_while() -> None:
    run = Stage(job())
    assert run.tell(ev.WorkerUnusable(run.at, "w2", "refused key")) == []
    assert run.lost("w1") == []
    assert run.wait(run.policy.never_up_s - 1) == []
    assert run.lost("w1") == []
    assert run.wait(1) == ["finish 4"]


@pytest.mark.parametrize("was_up", [True, False])
def test_without_patience_a_run_ends_as_soon_as_nobody_is_there(was_up: bool) -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(give_up_s=0.0, never_up_s=0.0))
    if was_up:
        run.up("w1", slots=0)
    assert run.lost("w1") == ["finish 4"]


def test_workers_that_have_been_there_are_waited_for() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.lost("w1")
    assert run.wait(run.policy.lease_s + 1) == ["job lose#1@w1: ready"]
    assert run.wait(run.policy.give_up_s) == ["finish 4"]


# ---- artefacts


def test_an_artefact_is_brought_once_however_often_it_is_asked_for() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    wanted = ev.ArtefactWanted(run.at, "w1", "code")
    assert run.tell(wanted) == ["deliver code w1"]
    assert run.tell(wanted) == []
    run.lost("w1")
    assert run.tell(wanted) == []
    run.up("w1", ("job", 1))
    assert run.tell(wanted) == ["deliver code w1"]


def test_a_job_that_stages_gets_its_base_model_without_asking() -> None:
    run = Stage(job(needs="x"), in_store={"x": "x#0"}, workers=["w1"])
    run.up("w1")
    assert run.staging("w1", "job", 1) == ["job stage#1@w1: staging", "deliver x#0 w1"]
    assert run.tell(ev.ArtefactWanted(run.at, "w1", "x#0")) == []


def test_failed_deliveries_of_a_broken_link_do_not_count() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.lost("w1")
    for _ in range(5):
        assert run.tell(ev.DeliveryFailed(run.at, "w1", "code", "broken pipe")) == []
    assert run.state.workers["w1"].usable


@pytest.mark.parametrize(
    ("said", "moves"),
    [
        ({"started_at": 5.0}, ["start", "finish"]),
        ({"started_at": 5.0, "outcome": "failed"}, ["start", "retry"]),
        ({"outcome": "worker_fault"}, ["retry"]),
    ],
)
def test_an_end_tells_of_a_start_that_nobody_told(said: dict[str, Any], moves: list[str]) -> None:
    stage = Stage(job())
    stage.up("w1")
    stage.at = 2.0
    end = finished(**{"outcome": "succeeded", "duration_s": 0.5, **said})
    out = stage.take(ev.AttemptFinished(2.0, "w1", "job", 1, end))
    assert [move.trigger.value for move in out.transitions][: len(moves)] == moves
    if "start" in moves:
        assert [move.at for move in out.transitions[:2]] == [1.5, 2.0], "it began before it ended"
        assert stage.state.jobs["job"].history.count("start#1@w1") == 1


def test_a_start_that_was_told_is_not_told_again_by_its_end() -> None:
    stage = Stage(job())
    stage.up("w1")
    stage.started("w1", "job", 1)
    end = finished("succeeded", started_at=0.0, duration_s=9.0)
    out = stage.take(ev.AttemptFinished(2.0, "w1", "job", 1, end))
    assert [(move.trigger.value, move.at) for move in out.transitions] == [("finish", 2.0)]


def test_an_attempt_does_not_begin_before_it_is_given_to_its_worker() -> None:
    stage = Stage(job())
    stage.at = 1.0
    stage.up("w1")
    end = finished("succeeded", started_at=0.0, duration_s=9.0)
    out = stage.take(ev.AttemptFinished(2.0, "w1", "job", 1, end))
    assert out.transitions[0].at == 1.0
