"""Jobs that a user cancels: they end once, and stay so."""

from __future__ import annotations

from master.core.exit_codes import EXIT_SOME_FAILED
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.order import CancelJobs, Ordered
from master.core.running.policy import Policy
from master.core.running.summary import job_row
from tests.unit.master.core.running.orders.giving import cancel
from tests.unit.master.core.running.stage import (
    ANNA,
    BASE,
    LEASE_S,
    Stage,
    base,
    job,
    one_running,
    one_running_alone,
)

ENDED_THERE = ["collect failed job#1@w1", f"finish {EXIT_SOME_FAILED}"]
"""The log of what was cancelled comes home, and the run is over."""


def test_what_runs_is_ended_on_its_worker_and_the_journal_says_who_and_why() -> None:
    run = one_running()
    came = cancel(run, "job", why="diverges")
    assert came.done == {"job": "was running on w1"}
    assert came.lines == ["job user cancel#1@w1: cancelled", "cancel job#1@w1"]
    assert run.journal[-1].note == "by anna: diverges"
    assert run.orders[-1].by.pid == 4711


def two(*, ended: bool = False) -> Stage:
    """`job` runs on `w1`, where it has ended if so asked, and `other` waits behind it."""
    run = Stage(job(), job("other"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "job", 1)
    return run


def test_it_has_its_slot_until_it_has_ended_there_and_its_log_comes_home() -> None:
    run = two()
    assert cancel(run, "job").lines == ["job user cancel#1@w1: cancelled", "cancel job#1@w1"]
    assert run.ended("w1", "job", 1, "cancelled") == [
        "job drop#1@w1: cancelled",
        "other assign#1@w1: assigned",
        "collect failed job#1@w1",
        "start other#1@w1",
    ]
    assert run.stands("job") is State.CANCELLED


def test_a_success_that_the_journal_has_first_wins() -> None:
    run = two()
    run.ended("w1", "job", 1)
    came = cancel(run, "job")
    assert came.refused == {"job": "has succeeded on w1, its outcome is on its way home"}
    assert (came.lines, run.orders) == ([], [])
    run.home("job", 1)
    assert cancel(run, "job").refused == {"job": "has succeeded"}
    assert run.stands("job") is State.SUCCEEDED


def test_a_success_that_comes_after_it_is_thrown_away() -> None:
    run = two()
    cancel(run, "job")
    assert "collect failed job#1@w1" in run.ended("w1", "job", 1)
    assert run.home("job", 1) == []
    assert run.stands("job") is State.CANCELLED


def test_twice_is_told_with_who_was_first() -> None:
    run = two()
    cancel(run, "job", why="diverges")
    came = cancel(run, "job")
    assert came.refused == {"job": "was cancelled already by anna: diverges"}
    assert (came.lines, len(run.orders)) == ([], 1)


def test_while_the_link_is_down_it_ends_here_now_and_there_later() -> None:
    run = two()
    run.lost("w1")
    came = cancel(run, "job")
    assert came.done == {"job": "was running on w1, which is not connected: it ends there when it is"}
    assert run.up("w1", ("job", 1))[:1] == ["other assign#1@w1: assigned"]
    assert run.stands("job") is State.CANCELLED
    run.ended("w1", "job", 1, "cancelled")
    assert run.stands("job") is State.CANCELLED


def test_a_worker_that_comes_back_with_it_is_told_to_end_it() -> None:
    run = two()
    run.lost("w1")
    cancel(run, "job")
    assert {"cancel job#1@w1", "release job#1@w1"} <= set(run.up("w1", ("job", 1), slots=1))


def test_what_waits_does_not_start() -> None:
    run = two()
    assert cancel(run, "other").lines == ["other user cancel#0@None: cancelled"]
    run.ended("w1", "job", 1)
    assert not any("other" in line for line in run.home("job", 1))


def test_what_waits_for_files_on_its_worker_does_not_start() -> None:
    run = Stage(job("a", needs="x"), job("b", needs="x"), workers=["w1"], in_store={"x": "x"})
    run.up("w1")
    run.staging("w1", "a", 1)
    assert cancel(run, "a").done == {"a": "was staging on w1"}
    run.started("w1", "a", 1)  # it was on its way
    assert run.stands("a") is State.CANCELLED
    assert "start b#1@w1" in run.ended("w1", "a", 1, "cancelled")


def test_what_backs_off_is_not_tried_again() -> None:
    run = two()
    run.ended("w1", "job", 1, "failed", exit_code=1)
    assert run.stands("job") is State.READY
    assert cancel(run, "job").done == {"job": "was ready"}
    run.ended("w1", "other", 1)
    run.home("other", 1)
    run.wait(1000.0)
    assert run.stands("job") is State.CANCELLED


def test_what_was_given_to_a_worker_and_has_not_begun_is_ended_there() -> None:
    run = Stage(job(), job("other"), workers=["w1"])
    run.up("w1")
    assert cancel(run, "job").lines == ["job user cancel#1@w1: cancelled", "cancel job#1@w1"]
    run.lost("w1")
    told = run.up("w1")
    assert told == ["job drop#1@w1: cancelled", "other assign#1@w1: assigned", "start other#1@w1"]


def test_cancelling_a_base_model_blocks_what_starts_from_it_and_says_so() -> None:
    run = Stage(base(), job("a", needs="x"), job("b", needs="x"), job("c"), workers=["w1"])
    run.up("w1")
    assert cancel(run, BASE).done == {BASE: "was assigned on w1; blocks 2 jobs that start from it (a, b)"}
    assert [run.stands(name) for name in "ab"] == [State.BLOCKED, State.BLOCKED]
    assert run.state.jobs["a"].note == "its base model x was cancelled by anna"
    assert cancel(run, "a").done == {"a": "was blocked"}


def test_it_stays_cancelled_over_a_restart_with_what_it_blocks() -> None:
    run = Stage(base(), job("a", needs="x"), job("c"), workers=["w1"])
    run.up("w1")
    cancel(run, BASE, why="wrong data")
    run.restart()
    assert [run.stands(name) for name in (BASE, "a", "c")] == [State.CANCELLED, State.BLOCKED, State.READY]
    assert run.state.jobs[BASE].cancelled_by == "by anna: wrong data"


def test_a_job_that_is_new_after_a_restart_is_blocked_by_a_base_model_that_was_cancelled() -> None:
    run = Stage(base(), job("a", needs="x"), job("c"), workers=["w1"])
    run.up("w1")
    cancel(run, BASE)
    run.restart(base(), job("a", needs="x"), job("new", needs="x"), job("c"))
    run.up("w1")
    assert run.stands("new") is State.BLOCKED


def test_what_ended_on_its_worker_while_the_master_was_away_stays_cancelled() -> None:
    run = two()
    cancel(run, "job")
    run.restart()
    run.up("w1", ("job", 1))
    run.ended("w1", "job", 1)
    assert run.stands("job") is State.CANCELLED


def test_what_has_failed_is_not_tried_again_by_the_same_command() -> None:
    run = Stage(job(), job("other"), workers=["w1"], policy=Policy(retries=0))
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.ended("w1", "job", 1, "failed", exit_code=1)
    assert cancel(run, "job").done == {"job": "was failed"}
    run.restart()
    assert [run.stands(name) for name in ("job", "other")] == [State.CANCELLED, State.ASSIGNED]


def test_only_jobs_that_are_still_in_the_states_of_the_filter_are_hit() -> None:
    run = two()
    came = cancel(run, "job", "other", only=("ready",))
    assert (came.done, came.refused) == ({"other": "was ready"}, {"job": "is running by now"})


def test_a_dry_run_changes_nothing_and_remembers_nothing() -> None:
    run = two()
    came = cancel(run, "job", "nowhere", dry_run=True)
    assert came.done == {"job": "was running on w1"}
    assert came.refused == {"nowhere": "no job `nowhere` in this run"}
    assert (came.lines, run.orders, run.stands("job")) == ([], [], State.RUNNING)


def test_a_run_ends_once_what_was_cancelled_has_ended_on_its_worker() -> None:
    run = one_running_alone()
    assert not any("finish" in line for line in cancel(run, "job").lines)
    assert run.ended("w1", "job", 1, "cancelled")[1:] == ENDED_THERE


def test_a_run_waits_for_a_worker_that_is_away_to_end_what_was_cancelled_there() -> None:
    run = one_running_alone()
    run.lost("w1")
    assert cancel(run, "job").lines == ["job user cancel#1@w1: cancelled", "cancel job#1@w1"]
    run.at += LEASE_S - 1
    assert run.up("w1", ("job", 1)) == ["cancel job#1@w1", "release job#1@w1"]
    assert run.wait(10 * LEASE_S) == [], "it ends there"
    assert run.ended("w1", "job", 1, "cancelled")[1:] == ENDED_THERE


def test_a_run_waits_no_longer_than_a_lease_for_a_worker_that_does_not_answer() -> None:
    run = one_running_alone()
    cancel(run, "job")
    assert run.lost("w1") == run.wait(LEASE_S) == []
    assert run.wait(1) == [f"finish {EXIT_SOME_FAILED}"]


def test_what_was_cancelled_and_never_came_there_is_not_waited_for() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    cancel(run, "job")
    run.lost("w1")
    assert run.up("w1") == ["job drop#1@w1: cancelled", f"finish {EXIT_SOME_FAILED}"]


def test_what_a_worker_does_not_begin_as_it_knows_it_of_old_is_not_waited_for() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    cancel(run, "job")
    told = run.tell(ev.AttemptReleased(run.at, "w1", "job", 1))
    assert told == ["job drop#1@w1: cancelled", f"finish {EXIT_SOME_FAILED}"]


def test_a_start_after_it_lets_what_still_runs_end_and_the_one_after_that_is_over_at_once() -> None:
    run = one_running_alone()
    cancel(run, "job")
    says = "job may still end there, cancelled before: it is waited for, at most for a lease"
    assert run.restart() == [f"tell w1: {says}"]
    assert run.up("w1", ("job", 1)) == ["cancel job#1@w1", "release job#1@w1"]
    assert run.ended("w1", "job", 1, "cancelled")[1:] == ENDED_THERE
    assert run.restart() == [f"finish {EXIT_SOME_FAILED}"]


def test_a_start_after_it_waits_for_its_worker_no_longer_than_a_lease() -> None:
    run = one_running_alone()
    cancel(run, "job")
    run.restart()
    assert run.lost("w1") == run.wait(LEASE_S) == []
    assert run.wait(1) == [f"finish {EXIT_SOME_FAILED}"]


def test_a_run_that_stops_does_not_wait_for_a_worker_that_is_away() -> None:
    run = one_running_alone()
    cancel(run, "job")
    run.lost("w1")
    assert run.tell(ev.StopRequested(run.at)) == [f"finish {EXIT_SOME_FAILED}"]


def test_a_run_that_stops_was_not_interrupted_by_what_its_user_cancelled() -> None:
    run = one_running_alone()
    run.tell(ev.StopRequested(run.at))
    cancel(run, "job")
    assert run.ended("w1", "job", 1, "cancelled")[-1] == f"finish {EXIT_SOME_FAILED}"


def test_ctrl_c_after_it_ends_what_still_ends_on_its_worker() -> None:
    run = two()
    cancel(run, "job")
    assert "cancel job#1@w1" in run.tell(ev.CancelRequested(run.at))


def test_an_order_to_a_run_that_is_over_gets_no_reply() -> None:
    run = one_running_alone()
    cancel(run, "job")
    run.lost("w1")
    run.wait(LEASE_S + 1)
    assert run.take(Ordered(run.at, ANNA, CancelJobs(["job"]))).reply is None


def lost_on_the_way_home() -> Stage:
    """A base model is made on `w1`, which fell silent before it was home; it waits for another try."""
    run = Stage(base(), job("a", needs="x"), job("b"), workers=["w1"])
    run.up("w1")
    run.ended("w1", BASE, 1)
    run.silent("w1")
    assert run.stands(BASE) is State.READY
    return run


def test_a_success_from_before_that_comes_home_after_all_counts_and_unblocks() -> None:
    run = lost_on_the_way_home()
    says = cancel(run, BASE).done[BASE]
    assert says.startswith("was ready; a try has succeeded: where its outcome still comes home, that counts")
    assert run.stands("a") is State.BLOCKED
    assert run.home(BASE, 1)[0] == f"{BASE} collect#1@w1: succeeded"
    assert [run.stands("a"), run.state.jobs[BASE].cancelled_by] == [State.READY, ""]


def test_it_is_told_as_one_that_its_user_cancelled() -> None:
    run = two()
    cancel(run, "job", why="too  slow")
    row = job_row(run.state.jobs["job"])
    assert (row.error, row.cancelled_by) == ("cancelled by anna: too slow", "by anna: too  slow")
