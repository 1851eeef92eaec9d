"""Workers that users pause and drain: nothing is started there, nothing is lost, and no job pays for it."""

from __future__ import annotations

from math import inf, nan

import pytest

from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.holding import MOST_S
from master.core.running.orders.of_workers import DrainWorkers, PauseWorkers, ResumeWorkers, SetSlots
from master.core.running.orders.order import Order
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import LEASE_S, Stage, job

LEFT = {"content_hash": "c" * 64, "files": [["epoch", 1, "d" * 64]]}
NIGHT = "night"


def two_jobs(*workers: str) -> Stage:
    """Two jobs and one slot on each worker; the first runs on the first worker."""
    run = Stage(job("a"), job("b"), workers=workers)
    run.up(workers[0])
    run.run_on(workers[0], "a", 1)
    return run


def test_a_paused_worker_is_given_nothing_and_what_runs_there_ends() -> None:
    run = two_jobs("w1")
    told = run.order(PauseWorkers(["w1"]), NIGHT)
    assert told == ["tell pause by anna: night: w1 (is paused; 1 job there may end)"]
    run.ended("w1", "a", 1)
    assert run.home("a", 1) == ["a collect#1@w1: succeeded", "release a#1@w1"]
    assert run.state.jobs["b"].state is State.READY
    assert "start b#1@w1" in run.order(ResumeWorkers(["w1"]))


def test_what_has_not_started_is_taken_back_and_goes_elsewhere() -> None:
    run = Stage(job("a"), workers=["w1", "w2"])
    run.up("w1")
    assert "withdraw a#1@w1" in run.order(PauseWorkers(["w1"]))
    run.up("w2")
    assert "start a#2@w2" in run.ended("w1", "a", 1, "cancelled")
    assert run.state.jobs["a"].failures == 0


def test_a_pause_while_the_link_is_down_holds_when_it_comes_back() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.up("w1")
    run.lost("w1")
    run.order(PauseWorkers(["w1"]))
    assert "what runs there hears of it when it is" in run.said()[0]
    assert run.up("w1") == ["a withdraw#1@w1: ready"]
    assert run.up("w1", ("a", 1)) == ["cancel a#1@w1", "release a#1@w1"]


def test_a_drain_at_once_interrupts_and_the_jobs_go_on_elsewhere_without_a_charged_retry() -> None:
    run = Stage(job("a"), policy=Policy(retries=0))
    run.up("w1")
    run.up("w2")
    run.run_on("w1", "a", 1)
    assert "cancel a#1@w1" in run.order(DrainWorkers(["w1"], now=True))
    assert "start a#2@w2" in run.ended("w1", "a", 1, "cancelled", started_at=1.0)
    assert (run.state.jobs["a"].failures, run.state.jobs["a"].losses) == (0, 0)


def test_what_is_interrupted_goes_on_from_its_checkpoint() -> None:
    run = Stage(job("a"))
    run.up("w1")
    run.up("w2")
    run.run_on("w1", "a", 1)
    run.order(DrainWorkers(["w1"], now=True))
    told = run.ended("w1", "a", 1, "cancelled", started_at=1.0, checkpoint=LEFT)
    assert told == ["a withdraw#1@w1: ready", "collect failed a#1@w1"]
    assert "start a#2@w2" in run.tell(ev.CheckpointSettled(run.at, "a", 1))


def test_a_success_at_the_instant_of_a_drain_stays_one() -> None:
    run = two_jobs("w1")
    run.order(DrainWorkers(["w1"], now=True))
    assert "collect a#1@w1" in run.ended("w1", "a", 1)
    run.home("a", 1)
    assert run.state.jobs["a"].state is State.SUCCEEDED
    assert run.ended("w1", "a", 1, "cancelled", started_at=1.0) == ["cancel a#1@w1", "release a#1@w1"]
    assert run.state.jobs["a"].state is State.SUCCEEDED


def test_an_interruption_that_a_broken_link_swallowed_is_said_again() -> None:
    run = two_jobs("w1")
    run.lost("w1")
    run.order(DrainWorkers(["w1"], now=True))
    assert run.up("w1", ("a", 1)) == ["cancel a#1@w1"]


def test_what_starts_at_the_instant_of_a_drain_is_interrupted_too() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.up("w1")
    run.order(DrainWorkers(["w1"], now=True))
    assert "cancel a#1@w1" in run.started("w1", "a", 1)


def test_draining_twice_says_who_did_first_and_can_be_hastened() -> None:
    run = two_jobs("w1")
    run.order(DrainWorkers(["w1"]), "for bob")
    told = run.order(DrainWorkers(["w1"], now=True))
    assert "cancel a#1@w1" in told
    assert run.said() == [
        "w1: is drained, was drained by anna: for bob; 1 job interrupted, to go on elsewhere"
    ]


def test_a_drained_worker_tells_once_when_nothing_is_there_any_more() -> None:
    run = two_jobs("w1")
    run.order(DrainWorkers(["w1"]), "for bob")
    assert run.wait(1) == []
    run.ended("w1", "a", 1)
    assert run.wait(1) == []
    run.home("a", 1)
    empty = "tell w1: nothing of this run is there any more, drained by anna: for bob"
    assert (run.wait(1), run.wait(1)) == ([empty], [])


def test_a_drained_worker_is_not_free_while_there_is_something_of_an_earlier_start() -> None:
    run = Stage(job("a"), job("b"))
    run.order(DrainWorkers(["w1"]), "for bob")
    run.restart()
    assert run.up("w1", ("old", 3)) == ["cancel old#3@w1", "release old#3@w1"]
    assert run.wait(1) == []
    run.ended("w1", "old", 3, "cancelled")
    assert run.wait(1) == ["tell w1: nothing of this run is there any more, drained by anna: for bob"]


def test_a_hold_with_an_end_ends_by_itself() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.order(PauseWorkers(["w1"], until=100.0), NIGHT)
    run.up("w1")
    assert run.wait(99.0) == []
    over = "tell w1: used again, the time of its hold by anna: night is over"
    assert run.wait(1.0) == ["a assign#1@w1: assigned", over, "start a#1@w1"]


def test_a_hold_that_is_over_is_not_told_of_again_by_the_next_start() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.order(PauseWorkers(["w1"], until=100.0), NIGHT)
    run.wait(100.0)
    run.restart()
    assert run.state.workers["w1"].hold is None
    assert run.up("w1") == ["a assign#1@w1: assigned", "start a#1@w1"]
    assert run.wait(1.0) == []


def test_a_hold_that_is_not_over_ends_by_itself_after_a_restart() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.order(PauseWorkers(["w1"], until=100.0))
    run.restart()
    assert run.up("w1") == []
    assert "start a#1@w1" in run.wait(100.0)


@pytest.mark.parametrize("order", [PauseWorkers(["w1"]), DrainWorkers(["w1"], now=True)])
def test_a_hold_lasts_over_a_restart_until_it_is_ended(order: Order) -> None:
    run = Stage(job("a"), workers=["w1"])
    run.order(order, NIGHT)
    run.restart()
    assert run.up("w1") == []
    assert "start a#1@w1" in run.order(ResumeWorkers(["w1"]))
    run.restart()
    assert run.state.workers["w1"].hold is None


def test_a_run_whose_workers_are_held_waits_however_long() -> None:
    run = Stage(job("a"), workers=["w1"], policy=Policy(give_up_s=60.0, never_up_s=60.0))
    run.order(PauseWorkers(["w1"]))
    run.lost("w1")
    assert run.wait(10_000) == []
    assert run.order(ResumeWorkers(["w1"]))[-1].startswith("tell")
    assert run.wait(59.0) == []
    assert run.wait(1.0) == ["finish 4"]


def test_what_is_done_already_and_what_is_unknown_is_told() -> None:
    run = Stage(job("a"), workers=["lab4", "other"])
    assert run.order(ResumeWorkers(["lab4", "lab8"])) == []
    assert run.said() == [
        "not lab4: nobody has paused it",
        "not lab8: no worker `lab8` in this run: did you mean `lab4`?",
    ]
    assert not run.orders


def test_a_hold_that_is_over_before_it_begins_is_refused() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.at = 50.0
    for until in (40.0, 50.0, -1.0):
        run.order(PauseWorkers(["w1"], until=until))
        assert run.said() == ["not w1: is not held: the end that was given is over already"]


@pytest.mark.parametrize("until", [MOST_S + 1, inf, nan])
def test_a_hold_that_ends_at_no_time_is_refused(until: float) -> None:
    run = Stage(job("a"), workers=["w1"])
    assert run.order(DrainWorkers(["w1"], until=until)) == []
    assert "is no time within ten years" in run.said()[0]
    assert run.state.workers["w1"].hold is None


def test_a_dry_run_changes_nothing() -> None:
    run = two_jobs("w1")
    assert run.order(DrainWorkers(["w1"], now=True), dry_run=True) == []
    assert run.said() == ["w1: is drained; 1 job interrupted, to go on elsewhere"]
    assert run.state.workers["w1"].hold is None and not run.orders


def test_a_resume_tries_a_bad_place_at_once() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.up("w1")
    run.ended("w1", "a", 1, "worker_fault", error="disk full")
    run.order(ResumeWorkers(["w1"]))
    assert "start a#2@w1" in run.wait(0.25)


def test_a_job_does_not_wait_for_a_better_worker_that_is_held() -> None:
    run = Stage(job("a"))
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.up("w2")
    run.order(PauseWorkers(["w2"]))
    run.ended("w1", "a", 1, "failed", exit_code=1)
    assert "start a#2@w1" in run.wait(5.0)


def test_fewer_slots_are_filled_and_all_of_them_again() -> None:
    run = Stage(*(job(f"job{n}") for n in range(4)), workers=["w1"])
    run.order(SetSlots(["w1"], 1))
    assert [line for line in run.up("w1", slots=4) if line.startswith("start")] == ["start job0#1@w1"]
    run.restart()
    assert run.state.workers["w1"].most == 1
    run.up("w1", ("job0", 1), slots=4)
    assert len(run.state.workers["w1"].attempts) == 1
    assert len([line for line in run.order(SetSlots(["w1"], 0)) if line.startswith("start")]) == 3


def test_fewer_slots_take_back_what_waits() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1", slots=2)
    run.run_on("w1", "a", 1)
    assert run.order(SetSlots(["w1"], 1)) == [
        "withdraw b#1@w1",
        "tell set-slots by anna: w1 (gets 1 slots' worth at a time)",
    ]


def test_more_slots_than_its_config_says_are_asked_of_its_agent_over_restarts_too() -> None:
    run = Stage(*(job(f"job{n}") for n in range(4)), workers=["w1"])
    run.up("w1", slots=2)
    assert run.order(SetSlots(["w1"], 3)) == [
        "have slots 3 w1",
        "tell set-slots by anna: w1 (gets 3 slots' worth at a time)",
    ]
    up = run.up("w1", ("job0", 1), ("job1", 1), slots=4)
    assert [line for line in up if line.startswith("start")] == ["start job2#1@w1"]
    assert not [line for line in run.order(SetSlots(["w1"], 1)) if line.startswith("have")], "it keeps them"
    run.order(SetSlots(["w1"], 3))
    run.restart()
    assert (run.state.workers["w1"].most, run.state.workers["w1"].raised) == (3, 3)
    assert run.order(SetSlots(["w1"], 0))[0] == "have slots None w1"
    assert (run.state.workers["w1"].most, run.state.workers["w1"].raised) == (None, 0)


def test_there_is_a_most_of_slots_and_none_is_a_pause() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.up("w1", slots=2)
    run.order(SetSlots(["w1"], 1025))
    assert run.said() == ["not w1: can have 1024 slots at most"]
    run.state.workers["w1"].gpu_bytes = (0, 0)
    run.order(SetSlots(["w1"], 129))
    assert run.said() == ["not w1: can have 128 slots at most, 64 on a GPU"]
    run.order(SetSlots(["w1"], -1))
    assert run.said() == ["not w1: slots are 1 or more, or 0 for all; pause gives it nothing"]


def test_held_attempts_of_a_silent_worker_are_given_up_after_the_lease() -> None:
    run = two_jobs("w1", "w2")
    run.order(DrainWorkers(["w1"]))
    run.lost("w1")
    run.up("w2")
    assert "a lose#1@w1: ready" in run.wait(LEASE_S + 1)


def test_what_a_drain_interrupted_goes_before_fresh_jobs_over_restarts_too() -> None:
    run = Stage(*(job(f"job{n}") for n in range(4)), workers=["w1", "w2"])
    run.up("w1", slots=2)
    for n in range(2):
        run.run_on("w1", f"job{n}", 1)
    run.order(DrainWorkers(["w1"], now=True))
    for n in range(2):
        run.ended("w1", f"job{n}", 1, "cancelled")
    run.restart()
    assert [line for line in run.up("w2", slots=2) if line.startswith("start")] == [
        "start job0#2@w2",
        "start job1#2@w2",
    ]


def test_what_failed_goes_behind_fresh_jobs() -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.ended("w1", "a", 1, "failed", exit_code=1)
    run.wait(100.0)
    run.ended("w1", "b", 1)
    assert run.state.jobs["c"].worker == "w1" and run.state.jobs["a"].attempts == 1
