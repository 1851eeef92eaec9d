"""A worker whose place is bad is paused, probed and used again, and no job pays for it."""

from __future__ import annotations

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.pauses import FIRST_PAUSE_S, MOST_PAUSE_S, PROBATION_S
from master.core.running.policy import Policy
from master.core.running.run_state import step
from tests.unit.master.core.running.stage import Stage, job

FULL = "no space left on the disk of /scratch"


def fault(run: Stage, worker: str, job_id: str, attempt: int, **more: object) -> list[str]:
    return run.ended(worker, job_id, attempt, "worker_fault", error=FULL, **more)


def test_what_the_place_did_costs_no_job_a_retry_and_goes_elsewhere() -> None:
    run = Stage(job(), policy=Policy(retries=0))
    run.up("w1")
    run.up("w2")
    assert fault(run, "w1", "job", 1) == [
        "job retry#1@w1: ready",
        "job assign#2@w2: assigned",
        "collect failed job#1@w1",
        f"pause w1 5 s: {FULL}",
        "start job#2@w2",
    ]
    assert run.state.workers["w1"].trouble == FULL


def test_pauses_grow_and_the_worker_is_probed_with_one_attempt_after_each() -> None:
    run = Stage(*(job(f"job{number}") for number in range(4)), workers=["w1"])
    run.up("w1", slots=4)
    for number in range(4):
        fault(run, "w1", f"job{number}", 1)
    pause_s, probes = FIRST_PAUSE_S, []
    while pause_s < MOST_PAUSE_S:
        assert run.wait(pause_s - 1) == []
        _, started = run.wait(1)
        probes.append(started)
        probe = run.state.workers["w1"].probe
        assert probe is not None and len(run.state.workers["w1"].attempts) == 1
        pause_s = min(MOST_PAUSE_S, 2 * pause_s)
        assert f"pause w1 {pause_s:g} s: {FULL}" in fault(run, "w1", *probe)
    assert {record.failures for record in run.state.jobs.values()} == {0}
    assert len(probes) == 6


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_a_probe_that_ends_by_itself_shows_that_the_place_is_good(outcome: str) -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1"])
    run.up("w1", slots=2)
    fault(run, "w1", "a", 1)
    run.wait(FIRST_PAUSE_S)
    probe = run.state.workers["w1"].probe
    assert probe is not None and probe[0] == "c"
    told = run.ended("w1", "c", 1, outcome)
    if outcome == "succeeded":
        assert "resume w1" not in told
        told = run.home("c", 1)
    assert "resume w1" in told
    assert len(run.state.workers["w1"].attempts) == 2
    assert run.state.workers["w1"].trouble == ""


def test_a_probe_that_runs_for_long_shows_it_too() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1", slots=1)
    fault(run, "w1", "a", 1)
    run.wait(FIRST_PAUSE_S)
    run.started("w1", "b", 1)
    assert run.wait(PROBATION_S - 1) == []
    assert run.wait(1) == ["resume w1"]


def test_what_waits_on_a_worker_that_is_paused_is_taken_back_and_what_runs_goes_on() -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1"])
    run.up("w1", slots=3)
    run.run_on("w1", "a", 1)
    told = fault(run, "w1", "b", 1)
    assert told[-1] == "withdraw c#1@w1"
    assert run.ended("w1", "c", 1, "cancelled")[0] == "c withdraw#1@w1: ready"
    assert run.ended("w1", "a", 1)[0] == "a finish#1@w1: collecting"


def test_a_probe_that_is_taken_back_makes_room_for_another() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1", slots=1)
    fault(run, "w1", "a", 1)
    run.wait(FIRST_PAUSE_S)
    assert run.state.workers["w1"].probe == ("b", 1)
    run.ended("w1", "b", 1, "cancelled")
    assert run.state.workers["w1"].probe in {("a", 2), ("b", 2)}


def test_deliveries_that_fail_pause_the_worker() -> None:
    run = Stage(job("a"), job("b"), workers=["w1", "w2"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    problem = ev.DeliveryFailed(run.at, "w1", "code", FULL)
    assert run.tell(problem) == ["deliver code w1"]
    assert run.tell(problem) == ["deliver code w1"]
    assert run.tell(problem) == [f"pause w1 5 s: {FULL}"]
    assert run.ended("w1", "a", 1)[-1] == "resume w1" or run.state.workers["w1"].paused
    assert run.stands("a") is State.COLLECTING


def test_a_job_that_fills_every_disk_is_given_up_at_last() -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(max_faults=2))
    run.up("w1")
    for attempt in (1, 2, 3):
        told = fault(run, "w1", "job", attempt, started_at=1.0)
        run.wait(MOST_PAUSE_S)
    assert told[:2] == ["job start#3@w1: running", "job fail#3@w1: failed"]
    assert run.state.jobs["job"].note == f"worker_fault 3 times: {FULL}"


def test_attempts_that_never_ran_are_not_counted() -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(max_faults=0))
    run.up("w1")
    for attempt in (1, 2, 3):
        assert fault(run, "w1", "job", attempt, started_at=None)[0] == f"job retry#{attempt}@w1: ready"
        run.wait(MOST_PAUSE_S)


def test_a_run_whose_only_place_stays_bad_ends_after_its_patience() -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(give_up_s=100.0))
    run.up("w1")
    fault(run, "w1", "job", 1, started_at=None)
    run.wait(FIRST_PAUSE_S)
    fault(run, "w1", "job", 2, started_at=None)
    assert run.wait(90.0)[-1] == "start job#3@w1"
    assert fault(run, "w1", "job", 3, started_at=None)[-1].startswith("pause")
    assert run.wait(5.0) == ["finish 4"]


def test_an_outcome_that_its_worker_cannot_hand_over_is_the_workers_fault() -> None:
    run = Stage(job(), policy=Policy(retries=0))
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.ended("w1", "job", 1)
    run.up("w2")
    told = run.tell(ev.CollectionFailed(run.at, "job", 1, "not what was announced", worker_fault=True))
    assert "pause w1 5 s: not what was announced" in told
    assert told[-1] == "start job#2@w2" and run.state.jobs["job"].failures == 0


@pytest.mark.parametrize("by_worker", [True, False])
def test_a_worker_that_could_not_hand_over_is_to_hash_what_it_has(by_worker: bool) -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.ended("w1", "job", 1)
    out = step(run.state, ev.CollectionFailed(run.at, "job", 1, "no", worker_fault=by_worker))
    assert cmd.Release("w1", "job", 1, suspect=by_worker) in out.commands


def test_a_job_that_no_place_can_prepare_is_given_up_at_last() -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(max_false_starts=2))
    run.up("w1")
    for attempt in (1, 2, 3):
        ended = fault(run, "w1", "job", attempt, started_at=None)
        run.wait(MOST_PAUSE_S)
    assert ended[0] == "job fail#3@w1: failed"
    assert run.state.jobs["job"].note == f"worker_fault 3 times before it started: {FULL}"


def test_a_job_goes_back_to_the_good_place_where_it_failed_once_rather_than_to_a_bad_one() -> None:
    run = Stage(job(), policy=Policy(retries=1))
    run.up("w1")
    run.ended("w1", "job", 1, "failed", exit_code=1)
    run.up("w2")
    assert run.wait(5.0)[-1] == "start job#2@w2"
    assert fault(run, "w2", "job", 2, started_at=None)[1] == "job assign#3@w1: assigned"


def test_outcomes_that_do_not_come_home_cost_retries_at_last_and_the_pauses_grow_till_then() -> None:
    run = Stage(job(), workers=["w1"], policy=Policy(retries=1))
    run.up("w1")
    told: list[list[str]] = []
    while run.stands("job") is not State.FAILED and len(told) < 10:
        run.ended("w1", "job", run.state.jobs["job"].attempt)
        failed = ev.CollectionFailed(run.at, "job", run.state.jobs["job"].attempt, "no", worker_fault=True)
        told.append(run.tell(failed))
        run.wait(MOST_PAUSE_S)
    assert [[line for line in lines if line.startswith("pause")] for lines in told] == [
        ["pause w1 5 s: no"],
        ["pause w1 10 s: no"],
        [],
        [],
    ]
    assert run.state.jobs["job"].note == "failed 2 times: no"


def test_a_probe_of_an_earlier_pause_says_nothing_of_a_later_one() -> None:
    run = Stage(*(job(name) for name in "abc"), workers=["w1"])
    run.up("w1", slots=2)
    fault(run, "w1", "a", 1)
    run.wait(FIRST_PAUSE_S)
    probe = run.state.workers["w1"].probe
    assert probe is not None
    run.started("w1", *probe)
    fault(run, "w1", "b", 1)
    assert "resume w1" not in run.wait(PROBATION_S)
    assert run.state.workers["w1"].faults == 2


def test_a_worker_that_reconnects_during_its_pause_is_not_given_again_what_it_never_got() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1", slots=2)
    fault(run, "w1", "a", 1)
    run.lost("w1")
    assert run.up("w1", slots=2) == ["b withdraw#1@w1: ready"]
    assert run.wait(FIRST_PAUSE_S)[-1] == "start b#2@w1"
