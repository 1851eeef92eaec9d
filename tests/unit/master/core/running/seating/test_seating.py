from __future__ import annotations

from dataclasses import replace

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from tests.support.endings import finished
from tests.unit.master.core.running.seating.pool_stage import HOUR_S, PoolStage
from tests.unit.master.core.running.stage import LEASE_S, job

DAY_S = 86400.0
JOBS = tuple(job(f"j{number}") for number in range(6))


# ---- what is asked for


def test_nothing_is_submitted_before_the_engine_has_told_what_there_is() -> None:
    stage = PoolStage(*JOBS, seen=False)
    assert not any(isinstance(each, cmd.SubmitSeat) for each in stage.commands(ev.Tick(1.0)))
    stage.pends("hpc.1")
    stage.runs("hpc.2")
    assert stage.asked() == []
    assert stage.states() == ["queued", "runs", "none"]


def test_one_allocation_at_a_time_waits_in_the_queue() -> None:
    stage = PoolStage(*JOBS)
    assert stage.asked() == ["hpc.1"]
    assert stage.asked() == []
    stage.pends("hpc.1")
    assert stage.asked(DAY_S) == []
    assert stage.runs("hpc.1") == [cmd.Reach("hpc.1")]
    assert stage.asked() == ["hpc.2"]


def test_no_more_are_asked_for_than_there_is_work_for() -> None:
    stage = PoolStage(*JOBS[:5], seats=8, queued=8)
    stage.lent("hpc.1", slots=2)
    assert stage.asked() == ["hpc.2", "hpc.3"]


def test_none_is_asked_for_while_nothing_is_ready() -> None:
    stage = PoolStage(job(needs="x"))
    assert stage.asked() == []


def test_a_refusal_is_told_once_and_asked_again_after_longer_and_longer() -> None:
    stage = PoolStage(*JOBS)
    told = []
    for pause_s in (60.0, 120.0, 240.0):
        assert stage.asked() == ["hpc.1"]
        told += stage.tell(ev.SeatRefused(stage.at, "hpc.1", "QOSMaxSubmitJobPerUserLimit"))
        assert stage.asked(pause_s - 1.0) == []
        stage.at += 1.0
    assert told == ["tell hpc: gives no allocation, is asked again in 60 s: QOSMaxSubmitJobPerUserLimit"]
    assert stage.asked() == ["hpc.1"]
    stage.pends("hpc.1")
    assert stage.pool.refusal == ""


# ---- an allocation from its beginning to its end


def test_jobs_run_on_a_seat_as_on_any_worker() -> None:
    stage = PoolStage(*JOBS[:1])
    assert stage.lent() == ["j0 assign#1@hpc.1: assigned", "start j0#1@hpc.1"]
    stage.does("hpc.1", "j0")
    assert stage.state.finished


def test_what_ran_in_an_allocation_that_ends_goes_on_elsewhere_and_costs_nothing() -> None:
    stage = PoolStage(*JOBS[:1], policy=Policy(lease_s=LEASE_S, retries=0, max_losses=0))
    for attempt in range(1, 6):
        name = f"hpc.{1 + attempt % 2}"
        stage.lent(name)
        stage.take(ev.AttemptStarted(stage.at, name, "j0", attempt))
        told = stage.ends(name, "preempted")
        assert told[0] == f"j0 lose#{attempt}@{name}: ready"
        assert f"unreach {name}" in told
        stage.tick(HOUR_S)
    record = stage.state.jobs["j0"]
    assert (record.evictions, record.losses, record.failures) == (5, 0, 0)
    assert "hpc.2: preempted" in record.note


def test_an_attempt_that_was_told_to_be_evicted_counts_in_the_same_way() -> None:
    stage = PoolStage(*JOBS[:1], policy=Policy(retries=0, max_losses=0))
    stage.lent()
    stage.take(ev.AttemptStarted(0.0, "hpc.1", "j0", 1))
    told = stage.tell(ev.AttemptFinished(0.0, "hpc.1", "j0", 1, finished("evicted")))
    assert told == ["j0 lose#1@hpc.1: ready", "collect failed j0#1@hpc.1"]
    record = stage.state.jobs["j0"]
    assert (record.evictions, record.avoid) == (1, frozenset())
    stage.at += 60.0
    stage.take(ev.Tick(stage.at))
    assert record.state is State.READY
    stage.ends()
    assert "start j0#2@hpc.1" in stage.lent()


def test_what_an_agent_of_the_next_allocation_tells_to_be_lost_is_no_loss() -> None:
    stage = PoolStage(*JOBS[:1], policy=Policy(retries=0, max_losses=0))
    stage.lent()
    stage.take(ev.AttemptStarted(0.0, "hpc.1", "j0", 1))
    stage.ends()
    stage.runs()
    stage.up("hpc.1", ("j0", 1))
    stage.take(ev.AttemptFinished(stage.at, "hpc.1", "j0", 1, finished("lost")))
    record = stage.state.jobs["j0"]
    assert record.state is not State.FAILED and record.losses == 0


def test_a_job_that_never_gets_further_fails_in_the_end() -> None:
    stage = PoolStage(*JOBS[:1], policy=Policy(max_evictions=1))
    for attempt in (1, 2):
        stage.lent()
        stage.take(ev.AttemptStarted(stage.at, "hpc.1", "j0", attempt))
        stage.ends()
    record = stage.state.jobs["j0"]
    assert record.state is State.FAILED and "evicted 2 times" in record.note


def test_what_succeeded_in_an_allocation_that_is_over_is_waited_for_as_for_a_silent_worker() -> None:
    stage = PoolStage(*JOBS[:1])
    stage.lent()
    stage.take(ev.AttemptStarted(0.0, "hpc.1", "j0", 1))
    stage.take(ev.AttemptFinished(0.0, "hpc.1", "j0", 1, finished("succeeded")))
    stage.ends()
    assert stage.state.jobs["j0"].state is State.COLLECTING
    stage.lost("hpc.1")
    stage.tick(LEASE_S)
    assert stage.state.jobs["j0"].state is State.COLLECTING
    stage.tick(1.0)
    record = stage.state.jobs["j0"]
    assert record.state is State.READY and record.losses == 0
    assert not stage.state.workers["hpc.1"].tried
    stage.take(ev.Collected(stage.at, "j0", 1, "x"))
    assert record.state is State.SUCCEEDED


def test_a_seat_whose_outcome_is_to_come_home_is_asked_for_first() -> None:
    stage = PoolStage(*JOBS[:2])
    stage.lent("hpc.2")
    stage.take(ev.AttemptStarted(0.0, "hpc.2", "j0", 1))
    stage.take(ev.AttemptFinished(0.0, "hpc.2", "j0", 1, finished("succeeded")))
    stage.ends("hpc.2")
    assert stage.asked() == ["hpc.2"]


def test_an_allocation_that_was_told_of_before_is_not_begun_anew() -> None:
    stage = PoolStage(*JOBS)
    stage.lent()
    assert stage.runs(for_s=60.0) == []
    assert stage.seat().ends_at == stage.at + 60.0
    other = stage.commands(ev.SeatRunning(stage.at, "hpc.1", "another", None))
    assert cmd.Unreach("hpc.1") in other and cmd.Reach("hpc.1") in other


def test_a_job_is_not_begun_that_does_not_end_in_time() -> None:
    short, long = replace(job("short"), expected_s=60.0), replace(job("long"), expected_s=1800.0)
    stage = PoolStage(long, short, seats=1)
    stage.asked()
    stage.runs(for_s=HOUR_S)
    stage.seat().up_at = 0.0
    stage.at = HOUR_S - 600.0
    stage.up("hpc.1", slots=2)
    assert stage.state.workers["hpc.1"].attempts == {("short", 1)}
