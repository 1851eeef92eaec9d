"""The state after a restart, from the journal and the plan of today."""

from __future__ import annotations

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.run_state import step
from tests.support.endings import finished
from tests.unit.master.core.running.stage import (
    BASE,
    LEASE_S,
    Stage,
    base,
    job,
    one_running,
    one_running_alone,
    two_running,
)


def test_what_runs_goes_on_without_a_word() -> None:
    run = one_running_alone()
    assert run.restart() == []
    assert run.up("w1", ("job", 1)) == []
    assert run.ended("w1", "job", 1) == ["job finish#1@w1: collecting", "collect job#1@w1"]


def test_an_attempt_that_no_master_saw_running_did_not_begin_before_it_was_given_out() -> None:
    run = Stage(job(), workers=["w1"])
    run.at = 100.0
    run.up("w1")
    run.restart()
    run.up("w1", ("job", 1))
    end = finished("succeeded", started_at=7.0, duration_s=1e6)
    out = run.take(ev.AttemptFinished(200.0, "w1", "job", 1, end))
    moves = [(move.trigger.value, move.at) for move in out.transitions]
    assert moves == [("start", 100.0), ("finish", 200.0)]


def test_an_outcome_on_its_way_home_is_collected_again() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.ended("w1", "job", 1)
    run.restart()
    assert run.up("w1", ("job", 1)) == ["collect job#1@w1"]
    assert run.home("job", 1) == ["job collect#1@w1: succeeded", "release job#1@w1", "finish 0"]


def test_a_run_that_was_complete_ends_at_once_even_without_its_store() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    run.up("w1")
    run.ended("w1", BASE, 1)
    run.home(BASE, 1)
    run.ended("w1", "job", 1)
    run.home("job", 1)
    assert run.restart() == ["finish 0"]


def test_a_base_model_that_left_the_store_is_trained_again_for_those_that_need_it() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    run.up("w1")
    run.ended("w1", BASE, 1)
    run.home(BASE, 1)
    assert run.restart() == [f"{BASE} redo#1@w1: ready"]
    assert run.up("w1", ("job", 1)) == ["withdraw job#1@w1"]
    assert run.ended("w1", "job", 1, "cancelled") == [
        "job withdraw#1@w1: ready",
        "job lock#1@w1: pending",
        f"{BASE} assign#2@w1: assigned",
        "collect failed job#1@w1",
        f"start {BASE}#2@w1",
    ]


def test_a_base_model_that_was_published_but_not_recorded_is_not_trained_again() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    run.up("w1")
    run.ended("w1", BASE, 1)
    assert run.restart(job(needs="x"), in_store={"x": "x#1"}) == ["job unlock#0@None: ready"]
    assert run.up("w1", (BASE, 1)) == [
        "job assign#1@w1: assigned",
        f"cancel {BASE}#1@w1",
        f"release {BASE}#1@w1",
        "start job#1@w1",
    ]


def test_attempt_numbers_are_not_used_again_for_a_base_model_that_had_left_the_plan() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    run.up("w1")
    run.ended("w1", BASE, 1)
    run.restart(job(needs="x"), in_store={"x": "x#1"})
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.tell(ev.BaseModelDamaged(run.at, "x"))
    assert run.home(BASE, 1) == []
    assert run.ended("w1", "job", 1, "lost")[-1] == f"start {BASE}#2@w1"


def test_attempts_of_a_base_model_that_had_left_the_plan_are_nobodys() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1", "w2"])
    run.up("w1")
    run.run_on("w1", BASE, 1)
    run.silent("w1")
    run.up("w2")
    run.ended("w2", BASE, 2)
    run.restart(job(needs="x"), in_store={"x": "x#2"})
    run.tell(ev.BaseModelDamaged(run.at, "x"))
    assert run.state.jobs[BASE].orphaned == {}
    run.restart(base(), job(needs="x"))
    assert run.state.jobs[BASE].orphaned == {}


def test_what_failed_or_was_blocked_gets_new_tries() -> None:
    run = Stage(base(), job(needs="x"), job("free"), workers=["w1"], policy=Policy(retries=0))
    run.up("w1")
    run.ended("w1", BASE, 1, "failed")
    assert run.restart() == [
        f"{BASE} revive#1@w1: pending",
        "job revive#0@None: pending",
        f"{BASE} unlock#1@w1: ready",
    ]


def test_revived_base_models_hold_jobs_back_in_strict_phases() -> None:
    run = Stage(base(), job(), workers=["w1"], policy=Policy(retries=0, strict_phases=True))
    run.up("w1")
    assert run.ended("w1", BASE, 1, "failed")[:2] == [f"{BASE} fail#1@w1: failed", "job unlock#0@None: ready"]
    run.ended("w1", "job", 1, "failed")
    assert run.restart()[-1] == f"{BASE} unlock#1@w1: ready"
    assert run.stands("job") is State.PENDING


def test_attempts_on_a_worker_that_left_the_cluster_config_are_given_up() -> None:
    run = one_running_alone()
    assert run.restart(workers=["w2"]) == ["job lose#1@w1: ready"]
    assert run.restart(workers=["w1"]) == []
    assert run.up("w1", ("job", 1)) == ["job adopt#1@w1: running"]


def test_an_outcome_that_was_home_before_its_worker_left_the_config_counts() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.ended("w1", "job", 1)
    run.restart(workers=["w2"])
    assert run.home("job", 1) == ["job collect#1@w1: succeeded", "release job#1@w1", "finish 0"]


def test_a_job_that_left_the_jobs_file_is_ended_and_remembered_when_it_returns() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    assert run.restart(job("b")) == []
    assert run.up("w1", ("a", 1)) == [
        "b assign#1@w1: assigned",
        "cancel a#1@w1",
        "release a#1@w1",
        "start b#1@w1",
    ]
    run.restart(job("a"), job("b"))
    assert run.stands("a") is State.RUNNING
    assert run.up("w1", ("b", 1))[0] == "a lose#1@w1: ready"


def test_an_attempt_that_was_orphaned_may_still_come_back() -> None:
    run = two_running()
    run.restart()
    assert run.up("w1", ("job", 1)) == []
    assert run.ended("w1", "job", 1)[0] == "job adopt#1@w1: running"


def test_an_outcome_that_waited_on_a_silent_worker_is_still_known() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.ended("w1", "job", 1)
    run.silent("w1")
    run.restart()
    assert run.up("w1", ("job", 1))[-1] == "collect job#1@w1"


def test_an_attempt_that_ended_without_success_never_comes_back() -> None:
    run = one_running()
    run.ended("w1", "job", 1, "lost")
    run.restart()
    assert run.up("w1", ("job", 1)) == ["start job#2@w1", "cancel job#1@w1", "release job#1@w1"]


def test_a_dropped_attempt_is_not_taken_back_after_a_restart() -> None:
    run = two_running()
    run.up("w1", ("job", 1))
    run.ended("w1", "job", 1, "failed")
    run.restart()
    run.up("w2", ("job", 2))
    assert run.up("w1", ("job", 1)) == ["cancel job#1@w1", "release job#1@w1"]


def test_what_waits_for_a_base_model_that_was_made_again_is_taken_back() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1", "w2"])
    run.up("w1")
    run.ended("w1", BASE, 1)
    run.home(BASE, 1)
    run.lost("w1")
    run.up("w2")
    run.tell(ev.BaseModelDamaged(run.at, "x"))
    run.ended("w2", BASE, 2)
    run.home(BASE, 2)
    run.restart(job(needs="x"), in_store={"x": "x#2"})
    assert run.stands("job") is State.ASSIGNED
    assert run.up("w1", ("job", 1)) == ["withdraw job#1@w1"]
    assert run.tell(ev.ArtefactWanted(run.at, "w1", "x#1")) == ["withdraw job#1@w1"]


def test_the_lease_of_a_worker_begins_anew() -> None:
    run = Stage(job())
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.at += 10 * LEASE_S
    run.restart()
    run.up("w2")
    assert run.wait(1) == []
    run.lost("w1")
    assert run.wait(LEASE_S) == []
    assert run.wait(1)[0] == "job lose#1@w1: ready"


def test_a_worker_that_holds_an_attempt_is_waited_for() -> None:
    run = one_running_alone()
    run.restart()
    assert run.lost("w1") == []
    assert run.wait(LEASE_S + 1) == ["job lose#1@w1: ready"]
    assert run.wait(run.policy.never_up_s) == ["finish 4"]


def published_as_the_lease_ended() -> Stage:
    """`job#1` succeeded on `w1`, which then was silent for too long; `job#2` replaced it on `w2`."""
    run = Stage(job())
    run.up("w1")
    run.ended("w1", "job", 1, slot="gpu7")
    run.up("w2")
    assert run.silent("w1")[0] == "job lose#1@w1: ready"
    run.run_on("w2", "job", 2)
    return run


def test_an_outcome_that_is_home_counts_though_its_lease_has_ended() -> None:
    run = published_as_the_lease_ended()
    run.restart()
    assert list(run.state.jobs["job"].outcomes) == [1]
    assert run.home("job", 1) == [
        *("job collect#1@w1: succeeded", "cancel job#2@w2", "release job#1@w1", "finish 0")
    ]


def test_an_outcome_that_is_home_counts_though_its_replacement_is_collected() -> None:
    run = published_as_the_lease_ended()
    run.ended("w2", "job", 2)
    run.restart()
    assert list(run.state.jobs["job"].outcomes) == [1, 2]
    assert run.home("job", 1) == [
        *("job collect#1@w1: succeeded", "release job#2@w2", "release job#1@w1", "finish 0")
    ]
    assert run.state.jobs["job"].finished.slot == "gpu7"


def test_an_outcome_that_is_home_counts_though_its_job_has_failed_since() -> None:
    run = published_as_the_lease_ended()
    run.ended("w2", "job", 2)
    run.tell(ev.CollectionFailed(run.at, "job", 2, "exists"))
    run.restart()
    assert run.home("job", 1)[0] == "job collect#1@w1: succeeded"
    assert run.state.jobs["job"].outcomes == {}


def test_an_outcome_that_is_recorded_is_not_looked_for_again() -> None:
    run = published_as_the_lease_ended()
    run.ended("w2", "job", 2)
    run.home("job", 2)
    run.restart()
    assert run.state.jobs["job"].outcomes == {}


def test_who_is_to_collect_is_told_of_what_may_be_in_place() -> None:
    run = published_as_the_lease_ended()
    out = step(run.state, ev.AttemptFinished(run.at, "w2", "job", 2, finished(slot="gpu1")))
    (collect,) = [command for command in out.commands if isinstance(command, cmd.Collect)]
    assert (collect.attempt, collect.finished.slot) == (2, "gpu1")
    assert {attempt: end.slot for attempt, end in collect.others.items()} == {1: "gpu7"}
