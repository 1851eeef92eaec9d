"""Workers that come into a run and go from it while it goes on."""

from __future__ import annotations

from master.core.running import events as ev
from master.core.running.fleet.holds import Hold
from master.core.running.lifecycle import State
from master.core.running.orders.membership import leave_run, membership
from master.core.running.orders.of_workers import (
    AddWorker,
    PauseWorkers,
    RemoveWorkers,
    ResumeWorkers,
    SetSlots,
)
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import BASE, LEASE_S, Stage, base, job

LEFT = {"content_hash": "c" * 64, "files": [["epoch", 1, "d" * 64]]}
LAB9 = AddWorker({}, name="lab9", labels=["big"])


def one_running_of_two(*, now: bool = False) -> Stage:
    """`a` runs on `w1`, which is being removed; `w2` is up and full with `b`."""
    run = Stage(job("a"), job("b"))
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.up("w2")
    run.order(RemoveWorkers(["w1"], now=now), "needed elsewhere")
    return run


def test_an_idle_worker_goes_at_once() -> None:
    run = Stage(job("a"), workers=["w1", "w2", "w3"])
    for name in run.workers:
        run.up(name)
    run.order(RemoveWorkers(["w3"]))
    assert run.said() == ["w3: goes now"]
    assert run.wait(0.25) == ["let go w3"]
    assert list(run.state.workers) == ["w1", "w2"]


def test_a_worker_goes_when_its_jobs_have_ended_and_are_home() -> None:
    run = one_running_of_two()
    assert run.said() == ["w1: goes once 1 job there is over, and what is to come home is home"]
    assert run.wait(1) == []
    run.ended("w1", "a", 1)
    assert run.wait(1) == []
    run.home("a", 1)
    assert run.wait(1) == ["let go w1"]
    assert run.state.jobs["a"].losses == 0


def test_a_removal_at_once_interrupts_and_charges_nothing() -> None:
    run = one_running_of_two(now=True)
    run.ended("w1", "a", 1, "cancelled", started_at=1.0)
    assert run.wait(1) == ["let go w1"]
    record = run.state.jobs["a"]
    assert (record.state, record.failures, record.losses) == (State.READY, 0, 0)


def test_a_removal_can_be_hastened_and_not_repeated() -> None:
    run = one_running_of_two()
    run.order(RemoveWorkers(["w1"]))
    assert run.said() == ["not w1: is being removed by anna: needed elsewhere"]
    assert "cancel a#1@w1" in run.order(RemoveWorkers(["w1"], now=True))


def test_the_only_copy_of_a_base_model_is_waited_for() -> None:
    run = Stage(base(), job(needs="x"))
    run.up("w1")
    run.run_on("w1", BASE, 1)
    run.ended("w1", BASE, 1)
    run.order(RemoveWorkers(["w1"], now=True))
    assert run.wait(100) == []
    run.home(BASE, 1)
    assert run.wait(1) == ["let go w1"]
    assert run.state.home == {"x": "x#1"}


def test_a_checkpoint_that_is_not_home_is_waited_for() -> None:
    run = one_running_of_two(now=True)
    run.ended("w1", "a", 1, "cancelled", started_at=1.0, checkpoint=LEFT)
    assert run.wait(1) == []
    run.tell(ev.CheckpointSettled(run.at, "a", 1))
    assert run.wait(1) == ["let go w1"]


def test_a_checkpoint_that_does_not_come_is_waited_for_no_longer_than_its_job_waits() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.order(RemoveWorkers(["w1"], now=True))
    run.ended("w1", "a", 1, "cancelled", started_at=1.0, checkpoint=LEFT)
    assert run.wait(Policy.checkpoint_s - 1) == []
    run.wait(1)
    assert run.wait(1)[0] == "let go w1"


def test_an_outcome_on_a_worker_that_falls_silent_is_made_again_only_once_it_is_lost() -> None:
    run = Stage(base(), job(needs="x"))
    run.up("w1")
    run.run_on("w1", BASE, 1)
    run.ended("w1", BASE, 1)
    run.order(RemoveWorkers(["w1"]))
    run.lost("w1")
    run.up("w2")
    assert run.wait(LEASE_S - 1) == []
    told = run.wait(2)
    assert f"{BASE} lose#1@w1: ready" in told and f"start {BASE}#2@w2" in told
    assert "let go w1, which does not answer" in told


def test_a_worker_that_never_answers_goes_after_a_lease() -> None:
    run = Stage(job("a"))
    run.lost("w1")
    run.order(RemoveWorkers(["w1"]))
    assert run.said() == ["w1: goes once it has answered, or has not for the length of a lease"]
    assert run.wait(LEASE_S) == []
    assert run.wait(1) == ["let go w1, which does not answer"]


def test_what_a_worker_says_that_has_gone_is_not_heard() -> None:
    run = one_running_of_two(now=True)
    run.ended("w1", "a", 1, "cancelled", started_at=1.0)
    run.wait(1)
    assert run.up("w1") == run.lost("w1") == run.started("w1", "a", 1) == run.ended("w1", "a", 1) == []


def test_the_run_waits_a_while_for_another_worker_when_the_last_one_has_gone() -> None:
    run = Stage(job("a"), workers=["w1"], policy=Policy(give_up_s=60.0))
    run.up("w1")
    run.order(RemoveWorkers(["w1"], now=True), "for bob")
    run.ended("w1", "a", 1, "cancelled")
    gone = "tell no worker is left: w1 was removed by anna: for bob; add-worker adds one"
    assert run.wait(1) == ["let go w1", gone]
    assert run.wait(59) == []
    assert run.wait(1) == ["finish 4"]


def test_a_worker_that_is_added_then_is_used() -> None:
    run = Stage(job("a"), workers=["w1"], policy=Policy(give_up_s=60.0))
    run.up("w1")
    run.order(RemoveWorkers(["w1"], now=True))
    run.ended("w1", "a", 1, "cancelled")
    run.wait(1)
    assert "connect lab9" in run.order(LAB9)
    assert run.said() == ["lab9: is added, and is being connected"]
    assert "start a#2@lab9" in run.up("lab9")
    assert run.state.workers["lab9"].labels == {"big"}


def test_a_worker_that_is_there_is_not_added() -> None:
    run = Stage(job("a"), workers=["lab9"])
    run.order(LAB9)
    assert run.said() == ["not lab9: is a worker of this run already"]
    run.order(RemoveWorkers(["lab9"]))
    run.order(LAB9)
    assert run.said() == ["not lab9: is being removed by anna: add it again once it has gone"]


def test_a_host_that_cannot_be_reached_is_a_worker_like_any() -> None:
    run = Stage(job("a"), workers=["w1"], policy=Policy(never_up_s=60.0))
    run.lost("w1")
    run.order(LAB9)
    run.lost("lab9")
    assert run.wait(59) == []
    assert run.wait(1) == ["finish 4"]


def test_a_worker_that_was_removed_is_named_so() -> None:
    run = Stage(job("a"))
    run.up("w1")
    run.up("w2")
    run.order(RemoveWorkers(["w2"]), "sold")
    run.wait(1)
    run.order(ResumeWorkers(["w2"]))
    assert run.said() == ["not w2: was removed by anna: sold: add-worker takes it back"]
    run.order(PauseWorkers(["nobody"]))
    assert run.said() == ["not nobody: no worker `nobody` in this run: allowed are w1"]


def test_of_each_worker_the_last_order_counts() -> None:
    run = Stage(job("a"))
    run.up("w1")
    run.up("w2")
    run.order(LAB9)
    run.order(RemoveWorkers(["w2"]))
    assert (membership(run.orders).removed, dict(membership(run.orders).added)) == ({"w2"}, {"lab9": LAB9})
    run.up("lab9")
    run.order(RemoveWorkers(["lab9"]))
    assert (membership(run.orders).removed, dict(membership(run.orders).added)) == ({"w2", "lab9"}, {})


def test_after_a_restart_a_removed_worker_that_is_still_held_on_to_goes() -> None:
    run = one_running_of_two(now=True)
    run.restart()
    run.up("w2")
    assert run.up("w1", ("a", 1)) == ["cancel a#1@w1"]
    run.ended("w1", "a", 1, "cancelled", started_at=1.0)
    assert run.wait(1) == ["let go w1"]
    run.restart(workers=["w2"])
    assert run.state.removed.keys() == {"w1"}


def test_a_worker_that_came_back_is_used_after_a_restart() -> None:
    run = Stage(job("a"))
    run.up("w1")
    run.up("w2")
    run.order(RemoveWorkers(["w2"]))
    run.wait(1)
    run.order(AddWorker({}, name="w2"))
    run.restart()
    assert run.state.workers["w2"].usable and not run.state.removed


def test_a_worker_that_came_back_has_the_slots_of_its_config_after_a_restart_too() -> None:
    run = Stage(job("a"))
    for name in ("w1", "w2"):
        run.up(name)
    run.order(SetSlots(["w2"], 8))
    run.order(RemoveWorkers(["w2"]))
    run.wait(1)
    run.order(AddWorker({}, name="w2"))
    run.restart()
    assert (run.state.workers["w2"].most, run.state.workers["w2"].raised) == (None, 0)


def test_jobs_of_nobody_on_a_worker_that_leaves_end_before_it_goes() -> None:
    run = Stage(job("a"))
    leave_run(run.state.workers["w1"], Hold("", 0.0, "not in the cluster config", at_once=True))
    assert run.up("w1", ("old", 3)) == ["cancel old#3@w1", "release old#3@w1"]
    assert run.wait(1) == []
    run.ended("w1", "old", 3, "cancelled")
    assert run.wait(1) == ["let go w1"]


def test_a_run_does_not_end_before_it_has_looked_at_a_worker_that_leaves() -> None:
    run = Stage(job("a"))
    leave_run(run.state.workers["w1"], Hold("", 0.0, "not in the cluster config", at_once=True))
    run.up("w2")
    run.run_on("w2", "a", 1)
    run.ended("w2", "a", 1)
    assert run.home("a", 1) == ["a collect#1@w2: succeeded", "release a#1@w2"]
    assert run.lost("w1") == ["finish 0"]
