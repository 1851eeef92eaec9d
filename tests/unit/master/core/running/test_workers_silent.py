"""Workers that fall silent and come back: an attempt is unknown until its lease ends, and may still win."""

from __future__ import annotations

from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import (
    LEASE_S,
    Stage,
    job,
    one_running,
    one_running_alone,
    two_running,
)


def test_silence_within_the_lease_changes_nothing() -> None:
    run = one_running()
    run.lost("w1")
    assert run.wait(LEASE_S) == []
    assert run.up("w1", ("job", 1)) == []
    assert run.stands("job") is State.RUNNING


def test_the_lease_counts_from_the_first_failure_to_connect() -> None:
    run = one_running()
    run.lost("w1")
    run.wait(LEASE_S - 1)
    run.lost("w1")
    assert run.wait(2)[0] == "job lose#1@w1: ready"


def test_an_attempt_that_nothing_replaced_is_taken_back() -> None:
    run = one_running_alone()
    assert run.silent("w1") == ["job lose#1@w1: ready"]
    assert run.up("w1", ("job", 1)) == ["job adopt#1@w1: running"]
    assert run.state.jobs["job"].losses == 0
    assert run.ended("w1", "job", 1) == ["job finish#1@w1: collecting", "collect job#1@w1"]


def test_an_attempt_is_taken_back_from_a_replacement_that_has_not_started() -> None:
    run = one_running()
    run.silent("w1")
    assert run.up("w1", ("job", 1)) == ["job adopt#1@w1: running", "cancel job#2@w2"]
    assert run.ended("w2", "job", 2, "cancelled") == ["cancel job#2@w2", "release job#2@w2"]


def test_an_adoption_frees_the_slot_of_the_replacement_at_once() -> None:
    run = Stage(job("a"), job("b"))
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.silent("w1")
    run.up("w2")
    assert run.ended("w2", "b", 1, "requeue")[-1] == "start a#2@w2"
    assert run.wait(5) == []
    assert run.up("w1", ("a", 1)) == [
        "a adopt#1@w1: running",
        "b assign#2@w2: assigned",
        "cancel a#2@w2",
        "start b#2@w2",
    ]


def test_an_attempt_races_with_a_replacement_that_runs_and_wins() -> None:
    run = two_running()
    assert run.up("w1", ("job", 1)) == []
    assert run.ended("w1", "job", 1) == [
        "job adopt#1@w1: running",
        "job finish#1@w1: collecting",
        "cancel job#2@w2",
        "collect job#1@w1",
    ]
    assert run.home("job", 1) == ["job collect#1@w1: succeeded", "release job#1@w1", "finish 0"]


def test_an_attempt_races_with_a_replacement_that_runs_and_loses() -> None:
    run = two_running()
    run.up("w1", ("job", 1))
    assert run.ended("w2", "job", 2) == [
        "job finish#2@w2: collecting",
        "cancel job#1@w1",
        "collect job#2@w2",
    ]
    assert run.ended("w1", "job", 1, "cancelled") == [
        "job drop#2@w2: collecting",
        "cancel job#1@w1",
        "release job#1@w1",
    ]


def test_a_racing_attempt_takes_a_slot() -> None:
    run = Stage(job("a"), job("b"))
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.up("w2")
    run.ended("w2", "b", 1)
    run.silent("w1")
    run.run_on("w2", "a", 2)
    assert run.tell(ev.CollectionFailed(run.at, "b", 1, "damaged")) == [
        "b retry#1@w2: ready",
        "release b#1@w2",
    ]
    run.up("w1", ("a", 1))
    assert run.wait(5) == []
    assert run.ended("w1", "a", 1, "failed")[-1] == "start b#2@w1"


def test_a_racing_attempt_that_fails_leaves_the_replacement_alone() -> None:
    run = two_running()
    run.up("w1", ("job", 1))
    assert run.ended("w1", "job", 1, "lost") == ["job drop#2@w2: running", "collect failed job#1@w1"]
    assert run.up("w1", ("job", 1)) == ["cancel job#1@w1", "release job#1@w1"]
    assert run.stands("job") is State.RUNNING


def test_a_racing_attempt_takes_over_when_the_replacement_fails() -> None:
    run = two_running()
    run.up("w1", ("job", 1))
    assert run.ended("w2", "job", 2, "failed") == [
        "job retry#2@w2: ready",
        "job adopt#1@w1: running",
        "collect failed job#2@w2",
    ]


def test_a_racing_attempt_is_cancelled_with_everything_else() -> None:
    run = two_running()
    run.up("w1", ("job", 1))
    assert run.tell(ev.CancelRequested(run.at)) == ["cancel job#1@w1", "cancel job#2@w2"]


def test_an_attempt_that_comes_back_during_a_cancel_is_cancelled() -> None:
    run = Stage(job("a"), job("b"))
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.up("w2")
    run.run_on("w2", "b", 1)
    run.silent("w1")
    run.tell(ev.CancelRequested(run.at))
    assert run.up("w1", ("a", 1)) == ["a adopt#1@w1: running", "cancel a#1@w1"]


def test_an_outcome_that_waited_on_a_silent_worker_is_collected_at_once() -> None:
    run = Stage(job())
    run.up("w1")
    run.ended("w1", "job", 1)
    run.up("w2")
    run.silent("w1")
    run.run_on("w2", "job", 2)
    assert run.up("w1", ("job", 1)) == [
        "job adopt#1@w1: running",
        "job finish#1@w1: collecting",
        "cancel job#2@w2",
        "collect job#1@w1",
    ]


def test_an_outcome_that_came_home_as_the_lease_ended_counts() -> None:
    run = Stage(job())
    run.up("w1")
    run.ended("w1", "job", 1)
    run.up("w2")
    run.silent("w1")
    run.run_on("w2", "job", 2)
    assert run.home("job", 1) == [
        "job collect#1@w1: succeeded",
        "cancel job#2@w2",
        "release job#1@w1",
        "finish 0",
    ]


def test_an_outcome_that_came_home_beats_one_that_is_on_its_way() -> None:
    run = two_running()
    run.ended("w2", "job", 2)
    assert run.home("job", 1)[0] == "job collect#1@w1: succeeded"
    assert run.home("job", 2) == []


def test_an_attempt_of_a_job_that_is_on_its_way_home_is_not_taken_back() -> None:
    run = two_running()
    run.ended("w2", "job", 2)
    assert run.up("w1", ("job", 1)) == ["job drop#2@w2: collecting", "cancel job#1@w1", "release job#1@w1"]
    failed = ev.CollectionFailed(run.at, "job", 2, "damaged")
    assert run.tell(failed)[0] == "job retry#2@w2: ready"
    assert run.up("w1", ("job", 1)) == ["cancel job#1@w1", "release job#1@w1"]


def test_a_job_that_is_lost_too_often_fails() -> None:
    run = Stage(job(), policy=Policy(max_losses=1, lease_s=LEASE_S))
    run.up("w1")
    run.up("w2")
    run.ended("w1", "job", 1, "lost")
    assert run.ended("w1", "job", 2, "lost") == [
        "job fail#2@w1: failed",
        "collect failed job#2@w1",
        "finish 1",
    ]


# ---- what an agent knows, against what the master thinks


def test_an_attempt_that_never_reached_its_agent_is_started_again() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.lost("w1")
    assert run.up("w1") == ["start job#1@w1"]


def test_an_attempt_that_its_agent_forgot_is_lost_but_may_prove_otherwise() -> None:
    run = one_running_alone()
    run.lost("w1")
    assert run.up("w1") == ["job lose#1@w1: ready", "job assign#2@w1: assigned", "start job#2@w1"]
    assert run.ended("w1", "job", 1) == [
        "job adopt#1@w1: running",
        "job finish#1@w1: collecting",
        "cancel job#2@w1",
        "collect job#1@w1",
    ]


def test_an_outcome_whose_way_home_was_cut_is_collected_again() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.ended("w1", "job", 1)
    run.lost("w1")
    assert run.up("w1", ("job", 1)) == ["collect job#1@w1"]
    run.lost("w1")
    assert run.up("w1")[0] == "job lose#1@w1: ready"


def test_a_worker_that_comes_back_after_a_stop_is_told_of_it() -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1", "w2"])
    run.up("w1", slots=2)
    run.run_on("w1", "a", 1)
    run.staging("w1", "b", 1)
    run.up("w2")
    run.run_on("w2", "c", 1)
    run.lost("w1")
    run.tell(ev.StopRequested(run.at))
    assert run.up("w1", ("a", 1), ("b", 1)) == ["withdraw b#1@w1"]


def test_what_never_reached_its_agent_is_not_started_after_a_stop() -> None:
    run = Stage(job("a"), job("b"))
    run.up("w1")
    run.up("w2")
    run.run_on("w2", "b", 1)
    run.lost("w1")
    run.tell(ev.StopRequested(run.at))
    assert run.up("w1") == ["a withdraw#1@w1: ready"]


def test_attempts_that_nobody_asked_for_are_ended() -> None:
    run = Stage(job(), workers=["w1"])
    assert run.up("w1", ("removed", 3)) == [
        "job assign#1@w1: assigned",
        "cancel removed#3@w1",
        "release removed#3@w1",
        "start job#1@w1",
    ]


def test_an_adopted_attempt_that_may_wait_is_taken_back_when_nothing_more_is_started() -> None:
    run = one_running_alone()
    assert run.silent("w1") == ["job lose#1@w1: ready"]
    assert run.up("w1", ("job", 1)) == ["job adopt#1@w1: running"]
    assert run.tell(ev.StopRequested(run.at)) == ["withdraw job#1@w1"]


def test_an_attempt_whose_replacement_does_not_come_home_is_taken_back() -> None:
    run = two_running()
    assert run.ended("w2", "job", 2)[-1] == "collect job#2@w2"
    run.silent("w2")
    assert run.up("w1", ("job", 1))[0] == "job adopt#1@w1: running"


def test_an_attempt_that_comes_back_after_its_job_has_failed_counts_once_the_job_is_tried_again() -> None:
    run = Stage(job(), policy=Policy(lease_s=LEASE_S, retries=0))
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.up("w2")
    run.silent("w1")
    run.run_on("w2", "job", 2)
    run.ended("w2", "job", 2, "failed")
    assert run.stands("job") is State.FAILED
    run.restart()
    assert run.stands("job") is State.READY
    assert run.up("w1", ("job", 1))[0] == "job adopt#1@w1: running"
    assert run.ended("w1", "job", 1)[-1] == "collect job#1@w1"
