"""The next attempt waits for what the last one left, but never for ever."""

from __future__ import annotations

import pytest

from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from tests.support.endings import finished
from tests.unit.master.core.running.stage import LEASE_S, Stage, job

LEFT = {"content_hash": "c" * 64, "files": [["epoch", 1, "d" * 64]]}
POLICY = Policy(retries=1, lease_s=LEASE_S, backoff_s=5.0, checkpoint_s=900.0)


def ended_in_vain(outcome: str = "failed", left: object = LEFT) -> Stage:
    """Return a run of one job whose first attempt, on w1, left something to go on from."""
    run = Stage(job(), policy=POLICY)
    run.up("w1")
    run.up("w2")
    run.run_on("w1", "job", 1)
    run.tell(ev.AttemptFinished(run.at, "w1", "job", 1, finished(outcome, checkpoint=left)))
    return run


def settled(run: Stage, attempt: int = 1) -> list[str]:
    return run.tell(ev.CheckpointSettled(run.at, "job", attempt))


GOES_ON = ["job assign#2@w2: assigned", "start job#2@w2"]


@pytest.mark.parametrize("outcome", ["failed", "timeout", "stalled"])
def test_a_retry_waits_until_the_checkpoint_is_home(outcome: str) -> None:
    run = ended_in_vain(outcome)
    assert run.wait(60.0) == []
    assert settled(run) == GOES_ON


def test_a_requeued_job_waits_too() -> None:
    run = ended_in_vain("requeue")
    assert run.wait(60.0) == []
    (line, _) = settled(run)
    assert line.startswith("job assign#2@")


@pytest.mark.parametrize("left", [None, {}, {"problem": "too large"}])
def test_nothing_to_wait_for_is_not_waited_for(left: object) -> None:
    run = ended_in_vain(left=left)
    assert run.wait(4.9) == [] and run.wait(0.2) == GOES_ON


def test_the_back_off_is_kept_when_the_checkpoint_is_home_before() -> None:
    run = ended_in_vain()
    assert settled(run) == []
    assert run.wait(4.9) == [] and run.wait(0.2) == GOES_ON


def test_the_wait_is_limited() -> None:
    run = ended_in_vain()
    assert run.wait(899.0) == [] and run.wait(2.0) == GOES_ON


def test_nobody_waits_longer_than_a_lease_for_a_worker_that_is_silent() -> None:
    run = ended_in_vain()
    assert run.silent("w1") == GOES_ON


def test_a_worker_that_has_forgotten_the_attempt_is_not_waited_for() -> None:
    run = ended_in_vain()
    run.wait(10.0)
    run.lost("w1")
    assert run.up("w1") == GOES_ON


def test_a_worker_that_comes_back_with_the_attempt_is_asked_again() -> None:
    run = ended_in_vain()
    run.wait(10.0)
    run.lost("w1")
    assert run.up("w1", ("job", 1)) == ["collect failed job#1@w1"]
    assert settled(run) == GOES_ON


@pytest.mark.parametrize("attempt", [0, 2, 7])
def test_news_of_another_attempt_settles_nothing(attempt: int) -> None:
    run = ended_in_vain()
    run.wait(10.0)
    assert settled(run, attempt) == []
    assert run.stands("job") is State.READY


def test_news_that_come_twice_or_late_do_no_harm() -> None:
    run = ended_in_vain()
    run.wait(10.0)
    assert settled(run) == GOES_ON
    assert settled(run) == [] and run.wait(1000.0) == []
    assert run.tell(ev.CheckpointSettled(run.at, "nobody", 1)) == []


def test_a_master_that_starts_again_waits_on() -> None:
    run = ended_in_vain()
    run.wait(10.0)
    assert run.restart() == []
    assert run.up("w2") == []
    assert run.up("w1", ("job", 1)) == ["collect failed job#1@w1"]
    assert settled(run)[0] in ("job assign#2@w1: assigned", "job assign#2@w2: assigned")


def test_a_master_that_starts_without_the_worker_does_not_wait() -> None:
    run = ended_in_vain()
    run.restart(workers=["w2"])
    assert run.up("w2") == GOES_ON


def test_an_attempt_that_waits_for_a_damaged_checkpoint_is_taken_back() -> None:
    run = ended_in_vain()
    run.wait(10.0)
    settled(run)
    run.staging("w2", "job", 2)
    run.tell(ev.ArtefactWanted(run.at, "w2", "c" * 64))
    assert run.state.workers["w2"].delivering == {"c" * 64}
    assert run.tell(ev.CheckpointDamaged(run.at, "job", "c" * 64)) == ["withdraw job#2@w2"]
    assert not run.state.workers["w2"].delivering
    said = run.ended("w2", "job", 2, "cancelled")
    assert said[0] == "job withdraw#2@w2: ready" and said[-1].startswith("start job#3@")


def test_a_damaged_checkpoint_that_nobody_waits_for_is_no_matter() -> None:
    run = ended_in_vain()
    assert run.tell(ev.CheckpointDamaged(run.at, "job", "c" * 64)) == []
    assert run.tell(ev.CheckpointDamaged(run.at, "nobody", "c" * 64)) == []


def test_a_success_lets_all_workers_delete_what_they_hold_of_it() -> None:
    run = ended_in_vain()
    run.wait(10.0)
    settled(run)
    run.run_on("w2", "job", 2)
    run.ended("w2", "job", 2)
    assert run.home("job", 2) == [
        *("job collect#2@w2: succeeded", "release job#2@w2", "drop checkpoints job w1", "finish 0")
    ]


def test_a_master_that_starts_again_knows_who_holds_checkpoints() -> None:
    run = ended_in_vain()
    run.restart()
    assert run.state.jobs["job"].left_on == {"w1"}
    run.restart(workers=["w2"])
    run.up("w2")
    run.run_on("w2", "job", 2)
    run.ended("w2", "job", 2)
    assert run.home("job", 2) == ["job collect#2@w2: succeeded", "release job#2@w2", "finish 0"]
