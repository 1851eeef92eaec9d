from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.of_workers import AddWorker, DrainWorkers, PauseWorkers, RemoveWorkers
from master.core.running.policy import Policy
from master.core.running.seating.seating import MOST_IN_VAIN, SPENT_S, START_S
from tests.support.endings import finished
from tests.unit.master.core.running.seating.pool_stage import HOUR_S, PoolStage
from tests.unit.master.core.running.stage import job

DAY_S = 86400.0
JOBS = tuple(job(f"j{number}") for number in range(6))


# ---- what is given back


def test_a_seat_with_nothing_to_do_is_given_back_after_a_while() -> None:
    stage = PoolStage(job(needs="x"))
    stage.lent()
    assert stage.given_back() == [] and stage.given_back(299.0) == []
    assert stage.given_back(1.0) == ["hpc.1"]
    assert stage.states()[0] == "ending" and not stage.state.workers["hpc.1"].up
    stage.ends()
    assert stage.asked() == [] and stage.pool.in_vain == 0


def test_the_end_of_an_allocation_leaves_the_reason_why_a_seat_cannot_be_used() -> None:
    stage = PoolStage(*JOBS)
    stage.lent()
    stage.take(ev.WorkerUnusable(stage.at, "hpc.1", "an older version runs there"))
    stage.ends(reason="it has ended")
    view = stage.state.workers["hpc.1"]
    assert (view.usable, view.reason) == (False, "an older version runs there")


def test_a_seat_into_which_nothing_fits_any_more_makes_room_for_a_fresh_one() -> None:
    stage = PoolStage(replace(job("long"), expected_s=1800.0), job("next", needs="x"), seats=1)
    stage.lent(for_s=HOUR_S)
    stage.at = 2400.0
    stage.does("hpc.1", "long")
    stage.state.home["x"] = "x#1"
    record = stage.state.jobs["next"]
    stage.state.move(record, Trigger.UNLOCK)
    stage.state.ready.add(replace(record.job, expected_s=1800.0))
    assert stage.given_back() == [] and stage.given_back(SPENT_S - 1.0) == []
    assert stage.given_back(1.0) == ["hpc.1"]
    stage.ends()
    assert stage.asked() == ["hpc.1"]


def test_an_allocation_in_the_queue_that_nobody_needs_any_more_is_given_back() -> None:
    stage = PoolStage(*JOBS[:1], job("later", needs="x"), others=("lab1",))
    stage.asked()
    stage.pends()
    stage.up("lab1")
    stage.take(ev.AttemptStarted(0.0, "lab1", "j0", 1))
    assert stage.given_back(1.0) == [] and stage.given_back(299.0) == []
    assert stage.given_back(1.0) == ["hpc.1"]


@pytest.mark.parametrize("runs", [False, True])
def test_an_allocation_is_given_back_soon_once_all_jobs_have_been_given_out(runs: bool) -> None:
    stage = PoolStage(*JOBS[:1], others=("lab1",))
    stage.asked()
    stage.pends()
    stage.up("lab1")
    stage.take(ev.AttemptStarted(0.0, "lab1", "j0", 1))
    if runs:
        stage.lent()
    assert stage.given_back(1.0) == [] and stage.given_back(SPENT_S - 1.0) == []
    assert stage.given_back(1.0) == ["hpc.1"]


def test_a_run_that_stands_keeps_an_allocation_for_what_may_be_added() -> None:
    stage = PoolStage(*JOBS[:1], others=("lab1",), policy=Policy(stands=True))
    stage.up("lab1")
    stage.take(ev.AttemptStarted(0.0, "lab1", "j0", 1))
    stage.lent()
    stage.tick()
    assert stage.given_back(299.0) == [] and stage.given_back(1.0) == ["hpc.1"]


@pytest.mark.parametrize("order", [PauseWorkers(["hpc.1"]), RemoveWorkers(["hpc.1"])])
def test_an_allocation_in_the_queue_is_given_back_that_a_user_does_not_want(order: PauseWorkers) -> None:
    stage = PoolStage(*JOBS)
    stage.asked()
    stage.pends()
    stage.order(order)
    assert stage.given_back() == ["hpc.1"]
    assert stage.states() == ["ending", "asked", "none"]


def test_a_drained_seat_is_given_back_at_once_and_a_removed_one_goes() -> None:
    stage = PoolStage(*JOBS[:2])
    stage.lent()
    stage.order(DrainWorkers(["hpc.1"]))
    assert stage.given_back() == []
    stage.does("hpc.1", "j0")
    out = stage.tick()
    assert cmd.CancelSeat("hpc.1", "j-hpc.1") in out.commands
    stage.ends()
    stage.order(RemoveWorkers(["hpc.1"]))
    assert cmd.LetGo("hpc.1", answers=True) in stage.tick().commands
    assert "hpc.1" not in stage.state.workers


def test_a_link_that_fails_once_an_allocation_is_over_hides_not_how_it_ended() -> None:
    stage = PoolStage(*JOBS[:1])
    stage.lent()
    stage.ends(reason="time limit")
    stage.take(ev.WorkerLost(stage.at, "hpc.1", "srun: error: Invalid job id specified"))
    assert stage.state.workers["hpc.1"].reason == "time limit"
    stage.take(ev.WorkerUnusable(stage.at, "hpc.1", "no Python there"))
    assert stage.state.workers["hpc.1"].reason == "no Python there"


def test_a_seat_is_removed_only_once_its_allocation_is_given_back() -> None:
    stage = PoolStage(*JOBS[:1], others=("lab1",))
    stage.up("lab1")
    stage.lent()
    stage.order(RemoveWorkers(["hpc.1"]))
    assert stage.given_back() == ["hpc.1"]
    assert "hpc.1" in stage.state.workers
    stage.ends()
    stage.tick()
    assert "hpc.1" not in stage.state.workers


def test_a_seat_that_was_removed_comes_back_once_it_has_gone_and_asks_for_an_allocation() -> None:
    stage = PoolStage(*JOBS[:1], others=("lab1",), seats=1)
    stage.asked()
    stage.lent()
    back = AddWorker({}, name="hpc.1", pool="hpc")
    stage.order(RemoveWorkers(["hpc.1"]))
    stage.order(back)
    assert "add it again once it has gone" in stage.said()[0]
    stage.given_back()
    stage.ends()
    stage.tick()
    assert "hpc.1" not in stage.state.workers
    assert stage.order(back)[0] == "connect hpc.1"
    assert stage.said() == ["hpc.1: is added, and asks for an allocation when it is needed"]
    assert stage.asked(120.0) == ["hpc.1"]


def test_a_seat_of_a_pool_that_the_run_has_not_cannot_be_added() -> None:
    stage = PoolStage(*JOBS[:1])
    stage.order(AddWorker({}, name="other.1", pool="other"))
    assert stage.said() == ["not other.1: is a seat of other, which is no pool of this run"]


def test_what_was_to_end_and_is_still_there_is_told_again() -> None:
    stage = PoolStage(job(needs="x"))
    stage.lent()
    stage.tick()
    assert stage.given_back(300.0) == ["hpc.1"]
    assert stage.runs() == []
    stage.at += 90.0
    assert stage.runs() == [cmd.CancelSeat("hpc.1", "j-hpc.1")]
    stage.at += 90.0
    assert stage.pends() == [cmd.CancelSeat("hpc.1", "j-hpc.1")]


def test_another_one_that_comes_through_while_one_ends_is_told_to_end_at_once() -> None:
    stage = PoolStage(job(needs="x"))
    stage.lent()
    stage.tick()
    assert stage.given_back(300.0) == ["hpc.1"]
    other = ev.SeatPending(stage.at, "hpc.1", "another", "Priority")
    assert stage.commands(other) == [cmd.CancelSeat("hpc.1", "another")]
    assert stage.commands(other) == []


def test_a_seat_whose_agent_answers_while_it_is_given_back_gets_nothing() -> None:
    stage = PoolStage(job(needs="x"))
    stage.lent()
    stage.tick()
    stage.given_back(300.0)
    stage.up("hpc.1")
    assert not stage.state.workers["hpc.1"].up


def test_a_seat_from_which_a_checkpoint_is_to_come_is_kept() -> None:
    stage = PoolStage(*JOBS[:1])
    stage.lent()
    stage.take(ev.AttemptStarted(0.0, "hpc.1", "j0", 1))
    left = finished("evicted", checkpoint={"content_hash": "c" * 64, "files": []})
    stage.take(ev.AttemptFinished(0.0, "hpc.1", "j0", 1, left))
    stage.order(DrainWorkers(["hpc.1"]))
    assert stage.given_back(1.0) == []
    stage.take(ev.CheckpointSettled(stage.at, "j0", 1))
    assert stage.given_back(1.0) == ["hpc.1"]


# ---- allocations that bring nothing


def test_an_allocation_whose_agent_does_not_answer_is_given_back_and_told() -> None:
    stage = PoolStage(*JOBS)
    stage.asked()
    stage.runs()
    stage.lost("hpc.1")
    stage.tick(START_S - 1.0)
    told = [each.text for each in stage.tick(1.0).commands if isinstance(each, cmd.Tell)]
    assert told == [
        "hpc.1: its allocation is given back: no agent answered within 10 minutes: broken pipe",
    ]
    assert stage.pool.in_vain == 1 and stage.asked() == []


@pytest.mark.parametrize("seen", ["asked", "queued", "runs"])
def test_allocations_that_end_before_an_agent_answers_are_asked_for_after_longer_and_longer(
    seen: str,
) -> None:
    stage = PoolStage(*JOBS, seats=1)
    for times in range(MOST_IN_VAIN):
        assert not stage.state.finished
        assert stage.asked(60.0 * 2**times) == ["hpc.1"]
        if seen != "asked":
            (stage.pends if seen == "queued" else stage.runs)()
        assert stage.states() == [seen]
        stage.ends(reason="exit code 127")
        assert stage.asked() == []
    assert stage.state.finished


# ---- hope


def finish_code(commands: list[cmd.Command]) -> list[int]:
    return [each.exit_code for each in commands if isinstance(each, cmd.Finish)]


def test_a_run_waits_for_an_allocation_in_the_queue_for_as_long_as_it_takes() -> None:
    stage = PoolStage(*JOBS)
    stage.asked()
    stage.pends()
    for _ in range(100):
        assert finish_code(stage.tick(HOUR_S).commands) == []


def test_what_waits_for_the_queue_is_waited_for_though_the_other_workers_are_gone() -> None:
    stage = PoolStage(*JOBS, others=("lab1",))
    stage.asked()
    stage.pends()
    stage.lost("lab1")
    assert finish_code(stage.tick(DAY_S).commands) == []


def test_a_refusal_for_good_ends_a_run_that_has_nothing_else() -> None:
    stage = PoolStage(*JOBS)
    stage.asked()
    refused = ev.SeatRefused(stage.at, "hpc.1", "invalid partition", passing=False)
    assert finish_code(stage.commands(refused)) == [4]


def test_a_limit_that_passes_is_waited_for() -> None:
    stage = PoolStage(*JOBS)
    for _ in range(20):
        stage.tick(HOUR_S)
        stage.take(ev.SeatRefused(stage.at, "hpc.1", "limit"))
    assert not stage.state.finished


def test_a_login_host_that_never_answers_ends_a_run_after_its_patience() -> None:
    stage = PoolStage(*JOBS, seen=False)
    assert finish_code(stage.commands(ev.Tick(599.0))) == []
    assert finish_code(stage.commands(ev.Tick(600.0))) == [4]


def test_a_login_host_that_answers_no_more_ends_it_too() -> None:
    stage = PoolStage(*JOBS)
    stage.asked()
    stage.pends()
    stage.at += DAY_S
    told = stage.tell(ev.PoolUnseen(stage.at, "hpc", "login: no route to host"))
    assert told == ["tell hpc: cannot be looked at: login: no route to host"]
    assert stage.tell(ev.PoolUnseen(stage.at + 30.0, "hpc", "login: no route to host")) == []
    assert finish_code(stage.commands(ev.Tick(stage.at + 1799.0))) == []
    assert finish_code(stage.commands(ev.Tick(stage.at + 1800.0))) == [4]


def test_nothing_is_submitted_while_nothing_is_known_of_what_there_is() -> None:
    stage = PoolStage(*JOBS)
    stage.take(ev.PoolUnseen(stage.at, "hpc", "slurmctld does not answer"))
    assert stage.commands(ev.Tick(1.0)) == []
    assert stage.asked() == ["hpc.1"]


def test_a_run_whose_jobs_no_seat_is_for_ends() -> None:
    stage = PoolStage(job(needs="x"), others=("lab1",))
    stage.lost("lab1")
    for _ in range(11):
        assert not stage.state.finished
        stage.tick(180.0)
    assert stage.state.finished


# ---- restarts


def test_what_a_killed_master_left_is_adopted_and_what_is_over_goes_on_elsewhere() -> None:
    stage = PoolStage(*JOBS[:2])
    stage.lent("hpc.1")
    stage.lent("hpc.2")
    for name, job_id in (("hpc.1", "j0"), ("hpc.2", "j1")):
        stage.take(ev.AttemptStarted(0.0, name, job_id, 1))
    stage.restart()
    stage.runs("hpc.1")
    stage.seen()
    assert stage.state.jobs["j0"].state is State.RUNNING
    assert stage.state.jobs["j1"].state is State.READY
    assert stage.state.jobs["j1"].evictions == 1
    stage.up("hpc.1", ("j0", 1))
    assert stage.state.jobs["j0"].worker == "hpc.1"
