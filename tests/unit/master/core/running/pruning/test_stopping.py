"""Jobs that do worse than others are ended, kept, and go on later: events in, moves and commands out."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Job
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.of_jobs import CancelJobs, RetryJobs
from master.core.running.policy import Policy
from master.core.running.pruning.spoke import AttemptSpoke
from master.core.running.summary import job_row
from master.specs import ASHA, MAXIMIZE, MEDIAN, PruneSpec
from tests.unit.master.core.running.stage import LEASE_S, Stage
from worker_agent.protocol.reports import Said

SPEC = PruneSpec(ASHA, "loss", eta=2)
CHECKPOINT = {"checkpoint": {"content_hash": "c" * 64, "files": []}, "started_at": 1.0}


def search(count: int = 4, spec: PruneSpec = SPEC, slots: int = 8, **more: object) -> Stage:
    """Return a run of so many jobs that are compared with each other, all of them running on `w1`."""
    jobs = [Job(f"j{number}", phase=2, contest="all") for number in range(count)]
    policy = Policy(lease_s=LEASE_S, backoff_s=5.0, retries=0)
    run = Stage(*jobs, workers=["w1"], prune=spec, policy=policy, **more)  # type: ignore[arg-type]
    run.up("w1", slots=slots)
    for number in range(min(count, slots)):
        run.run_on("w1", f"j{number}", 1)
    return run


def says(run: Stage, job_id: str, epoch: float, attempt: int = 1, **metrics: float) -> list[str]:
    return run.tell(AttemptSpoke(run.at, "w1", job_id, attempt, Said(epoch=epoch, metrics=metrics)))


def stopped() -> Stage:
    """`j1` was ended at its first rung, and its checkpoint is home."""
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    assert says(run, "j1", 1, loss=0.7) == ["j1 measure 0.7 at 1", "j1 prune 0.7 at 1", "cancel j1#1@w1"]
    found = run.ended("w1", "j1", 1, "cancelled", **CHECKPOINT)
    assert found == ["j1 shelve#1@w1: pruned", "collect failed j1#1@w1"]
    run.tell(ev.CheckpointSettled(run.at, "j1", 1))
    return run


def test_the_one_that_does_worse_is_ended_and_the_other_goes_on() -> None:
    run = stopped()
    assert run.ended("w1", "j0", 1) == ["j0 finish#1@w1: collecting", "collect j0#1@w1"]
    assert run.home("j0", 1)[-1] == "finish 0"
    record = run.state.jobs["j1"]
    assert (record.failures, record.losses, record.unbegun) == (0, 0, 0)
    assert job_row(record).error == "loss 0.7 at epoch 1 is not among the best 1 of 2"


def test_one_that_is_being_ended_is_not_ended_twice() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    assert says(run, "j1", 1, loss=0.7)[-1] == "cancel j1#1@w1"
    assert says(run, "j1", 2, loss=0.1) == []


def test_who_ends_well_in_the_race_has_succeeded() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    assert run.ended("w1", "j1", 1) == ["j1 finish#1@w1: collecting", "collect j1#1@w1"]
    run.home("j1", 1)
    assert run.stands("j1") is State.SUCCEEDED
    run.restart()
    assert run.stands("j1") is State.SUCCEEDED and run.state.jobs["j1"].pruned_at is None


@pytest.mark.parametrize("outcome", ["failed", "timeout", "requeue", "worker_fault", "out_of_memory", "lost"])
def test_however_it_ends_it_is_pruned_and_nothing_failed(outcome: str) -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    assert "collect failed j1#1@w1" in run.ended("w1", "j1", 1, outcome)
    record = run.state.jobs["j1"]
    assert record.state is State.PRUNED and record.failures == record.losses == record.requeues == 0
    assert run.state.alike == {} and not record.avoid


def test_one_that_is_lost_while_it_is_ended_is_pruned() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    run.silent("w1")
    assert run.stands("j1") is State.PRUNED and run.stands("j0") is State.READY
    assert "release j1#1@w1" in run.up("w1", ("j1", 1), ("j0", 1)), "what comes back is not needed"


def test_a_broken_link_swallows_no_cancel() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    run.lost("w1")
    assert run.up("w1", ("j0", 1), ("j1", 1)) == ["cancel j1#1@w1"]


def test_one_is_promoted_and_goes_on_before_others() -> None:
    run = search(5, slots=2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    run.ended("w1", "j1", 1, "cancelled", **CHECKPOINT)
    run.tell(ev.CheckpointSettled(run.at, "j1", 1))
    run.started("w1", "j2", 1)
    assert says(run, "j2", 1, loss=0.9)[:2] == ["j2 measure 0.9 at 1", "j2 prune 0.9 at 1"]
    run.ended("w1", "j2", 1, "cancelled")
    run.started("w1", "j3", 1)
    assert says(run, "j3", 1, loss=0.8)[:2] == [
        "j1 promote#1@w1: ready",
        "j3 measure 0.8 at 1",
    ], "two of four go on"
    assert run.ended("w1", "j3", 1, "cancelled")[:2] == ["j3 shelve#1@w1: pruned", "j1 assign#2@w1: assigned"]
    run.started("w1", "j1", 2)
    assert says(run, "j1", 2, attempt=2, loss=0.6) == ["j1 measure 0.6 at 2"]
    assert says(run, "j0", 2, loss=0.7) == ["j0 measure 0.5 at 2"], "the best so far"


def test_the_next_is_promoted_where_one_fails() -> None:
    run = stopped()
    assert run.ended("w1", "j0", 1, "failed", exit_code=1)[:3] == [
        "j0 fail#1@w1: failed",
        "j1 promote#1@w1: ready",
        "j1 assign#2@w1: assigned",
    ]


def test_a_promoted_one_waits_for_its_checkpoint() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    run.ended("w1", "j1", 1, "cancelled", **CHECKPOINT)
    assert run.ended("w1", "j0", 1, "failed", exit_code=1)[1:2] == ["j1 promote#1@w1: ready"]
    assert run.state.jobs["j1"].attempts == 1
    assert "start j1#2@w1" in run.tell(ev.CheckpointSettled(run.at, "j1", 1))


def test_a_figure_that_lies_between_two_reports_is_told_as_one() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 2, loss=0.7)
    assert run.state.jobs["j1"].note == "loss about 0.7 at epoch 1 is not among the best 1 of 2"


def test_the_median_of_others_ends_for_good() -> None:
    run = search(4, PruneSpec(MEDIAN, "f1", MAXIMIZE, least_jobs=2, least_steps=2))
    assert says(run, "j0", 1, f1=0.9) == []
    assert says(run, "j0", 2, f1=0.9) == ["j0 measure 0.9 at 2"]
    says(run, "j1", 2, f1=0.8)
    assert says(run, "j2", 2, f1=0.5)[1:] == ["j2 prune 0.5 at 2", "cancel j2#1@w1"]
    run.ended("w1", "j2", 1, "cancelled")
    run.ended("w1", "j0", 1, "failed")
    run.ended("w1", "j1", 1, "failed")
    assert run.stands("j2") is State.PRUNED
    assert run.state.jobs["j2"].note == "f1 0.5 at epoch 2 is worse than the median of 2 others"


def test_jobs_that_say_nothing_are_never_ended_and_that_is_told() -> None:
    run = search(2)
    says(run, "j0", 1, val_los=0.5)
    says(run, "j1", 1, acc=0.7)
    for name in ("j0", "j1"):
        run.ended("w1", name, 1)
        told = run.home(name, 1)
    assert told[-2:] == [
        "tell j0 and 1 more could not be pruned, never having told of `loss`: it reports `val_los`, `acc`",
        "finish 0",
    ]


@pytest.mark.parametrize(
    "said", [Said(), Said(epoch=1.0), Said(metrics={"loss": 1.0}), Said(epoch=0.0, metrics={"loss": 1.0})]
)
def test_what_cannot_be_compared_is_left_alone(said: Said) -> None:
    run = search(1)
    assert run.tell(AttemptSpoke(run.at, "w1", "j0", 1, said)) == []
    assert run.tell(AttemptSpoke(run.at, "w1", "nobody", 1, said)) == []
    assert run.tell(AttemptSpoke(run.at, "w1", "j0", 7, Said(epoch=1, metrics={"loss": 1.0}))) == []
    assert says(run, "j0", 1e302, loss=1.0) == [] and says(run, "j0", 1, loss=1e302) == []


def test_a_metric_can_count_the_steps() -> None:
    run = search(2, PruneSpec(ASHA, "loss", step="tokens", least_steps=100))
    assert says(run, "j0", 1, loss=0.5, tokens=99) == []
    assert says(run, "j0", 1, loss=0.5, tokens=100) == ["j0 measure 0.5 at 100"]


def test_without_pruning_nothing_is_heard() -> None:
    run = search(1, spec=None)  # type: ignore[arg-type]
    assert says(run, "j0", 1, loss=0.5) == []


# ---- restarts


def test_a_restart_makes_the_same_decisions() -> None:
    run = stopped()
    assert run.restart() == []
    assert run.stands("j1") is State.PRUNED and run.state.jobs["j1"].pruned_at is not None
    run.up("w1", ("j0", 1), slots=8)
    assert says(run, "j0", 1, loss=0.9) == [], "it was there already"
    assert run.ended("w1", "j0", 1, "failed", exit_code=1)[1] == "j1 promote#1@w1: ready"


def test_a_restart_ends_what_was_to_be_ended() -> None:
    run = search(2)
    says(run, "j0", 1, loss=0.5)
    says(run, "j1", 1, loss=0.7)
    run.restart()
    assert "cancel j1#1@w1" in run.up("w1", ("j0", 1), ("j1", 1), slots=8)
    run.ended("w1", "j1", 1, "cancelled")
    assert run.stands("j1") is State.PRUNED


def test_without_prune_the_same_command_goes_on_with_all() -> None:
    run = stopped()
    run.plan = type(run.plan)(run.plan.jobs, {})
    assert run.restart() == ["j1 revive#1@w1: pending", "j1 unlock#1@w1: ready"]


# ---- users


def test_a_retry_lets_it_go_on_to_its_end() -> None:
    run = stopped()
    assert "j1 revive#1@w1: pending" in run.order(RetryJobs(["j1"]))
    run.started("w1", "j1", 2)
    assert says(run, "j1", 2, attempt=2, loss=0.6) == ["j1 measure 0.6 at 2"]
    assert says(run, "j1", 4, attempt=2, loss=0.6) == ["j1 measure 0.6 at 4"]
    run.restart()
    assert run.state.jobs["j1"].is_spared
    run.up("w1", ("j0", 1), ("j1", 2), slots=8)
    says(run, "j0", 8, loss=0.1)
    assert says(run, "j1", 8, attempt=2, loss=0.6) == ["j1 measure 0.6 at 8"]


def test_a_cancel_of_what_is_pruned_keeps_it_ended() -> None:
    run = stopped()
    run.order(CancelJobs(["j1"]))
    assert run.stands("j1") is State.CANCELLED
    run.ended("w1", "j0", 1, "failed", exit_code=1)
    assert run.stands("j1") is State.CANCELLED


def test_the_end_of_the_run_ends_nothing_that_was_pruned() -> None:
    run = stopped()
    run.tell(ev.CancelRequested(run.at))
    run.ended("w1", "j0", 1, "cancelled", started_at=1.0)
    assert run.stands("j1") is State.PRUNED and run.stands("j0") is State.CANCELLED
