"""What follows a failed attempt."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Job
from master.core.running import events as ev
from master.core.running.lifecycle import State, Trigger
from master.core.running.policy import Policy
from master.core.running.records import JobRecord
from master.core.running.retry import Verdict, judge
from tests.unit.master.core.running.stage import BASE, Stage, base, job
from worker_agent.protocol.outcome import NO_BASE_MODEL, Outcome

POLICY = Policy(retries=2, backoff_s=5.0, max_losses=2, max_requeues=2)

CASES = {
    "failed": [
        Verdict(Trigger.RETRY, 5.0, "failed"),
        Verdict(Trigger.RETRY, 10.0, "failed"),
        Verdict(Trigger.FAIL, 0.0, "failed 3 times"),
    ],
    "timeout": [
        Verdict(Trigger.RETRY, 5.0, "timeout"),
        Verdict(Trigger.RETRY, 10.0, "timeout"),
        Verdict(Trigger.FAIL, 0.0, "timeout 3 times"),
    ],
    "refused": [
        Verdict(Trigger.RETRY, 5.0, "refused"),
        Verdict(Trigger.RETRY, 10.0, "refused"),
        Verdict(Trigger.FAIL, 0.0, "refused 3 times"),
    ],
    "lost": [
        Verdict(Trigger.LOSE, 0.0, "lost"),
        Verdict(Trigger.LOSE, 0.0, "lost"),
        Verdict(Trigger.FAIL, 0.0, "lost 3 times"),
    ],
    "requeue": [
        Verdict(Trigger.RETRY, 5.0, "requeue"),
        Verdict(Trigger.RETRY, 5.0, "requeue"),
        Verdict(Trigger.FAIL, 0.0, "requeue 3 times"),
    ],
}


@pytest.mark.parametrize("outcome", CASES)
def test_each_kind_of_end_has_its_own_allowance(outcome: str) -> None:
    record = JobRecord(Job("a/b", phase=2))
    assert [judge(record, Outcome(outcome), POLICY) for _ in range(3)] == CASES[outcome]


def test_losses_and_requeues_are_no_failures() -> None:
    record = JobRecord(Job("a/b", phase=2))
    for outcome in ("lost", "requeue", "lost", "requeue"):
        judge(record, Outcome(outcome), POLICY)
    assert judge(record, Outcome.FAILED, POLICY) == Verdict(Trigger.RETRY, 5.0, "failed")


def test_without_retries_the_first_failure_is_final() -> None:
    record = JobRecord(Job("a/b", phase=2))
    assert judge(record, Outcome.FAILED, Policy(retries=0)) == Verdict(Trigger.FAIL, 0.0, "failed")


# ---- what would fail again in the same way

NO_TORCH = "Traceback …\nModuleNotFoundError: No module named 'torch'\n"
NO_NUMPY = "Traceback …\nModuleNotFoundError: No module named 'numpy'\n"
PATIENT = Policy(retries=5, backoff_s=5.0)


def fails(run: Stage, worker: str, job_id: str, attempt: int, tail: str = NO_TORCH) -> list[str]:
    return run.ended(worker, job_id, attempt, "failed", exit_code=1, error="exit code 1", stderr_tail=tail)


def up(*workers: str, jobs: int = 1, policy: Policy = PATIENT, slots: int = 1) -> Stage:
    """Return a run of `job1`, `job2`, … with all its workers up."""
    run = Stage(*(job(f"job{n + 1}") for n in range(jobs)), workers=workers, policy=policy)
    for worker in workers:
        run.up(worker, slots=slots)
    return run


def test_what_is_hopeless_on_the_only_worker_fails_at_once() -> None:
    run = up("w1")
    assert fails(run, "w1", "job1", 1) == [
        "job1 fail#1@w1: failed",
        "collect failed job1#1@w1",
        "finish 1",
    ]
    note = "failed, and there is no other worker to try it on: no module torch in the worker's Python"
    assert run.state.jobs["job1"].note == note


def test_a_script_that_leaves_no_base_model_is_tried_once_on_each_worker() -> None:
    run = up("w1")
    error = f"{NO_BASE_MODEL}: neither here nor there"
    ended = run.ended("w1", "job1", 1, "failed", exit_code=0, error=error, stderr_tail="")
    assert ended[0] == "job1 fail#1@w1: failed"
    assert run.state.jobs["job1"].note.endswith(f"no other worker to try it on: {error}")


def test_a_failure_that_may_pass_is_tried_again_on_the_only_worker() -> None:
    run = up("w1")
    assert fails(run, "w1", "job1", 1, "RuntimeError: CUDA error")[0] == "job1 retry#1@w1: ready"
    assert run.wait(5) == ["job1 assign#2@w1: assigned", "start job1#2@w1"]


def test_what_is_hopeless_here_waits_for_another_worker_even_if_that_is_busy() -> None:
    run = up("w1", "w2")
    run.tell(ev.SlotsHeldByOthers(run.at, "w2", 1))
    assert fails(run, "w1", "job1", 1)[0] == "job1 retry#1@w1: ready"
    assert run.wait(600) == []
    freed = ev.SlotsHeldByOthers(run.at, "w2", 0)
    assert run.tell(freed) == ["job1 assign#2@w2: assigned", "start job1#2@w2"]


def test_two_workers_that_agree_are_enough() -> None:
    run = up("w1", "w2", "w3")
    fails(run, "w1", "job1", 1)
    run.wait(5)
    assert fails(run, "w2", "job1", 2)[0] == "job1 fail#2@w2: failed"
    note = "failed alike on w1 and w2: no module torch in the worker's Python"
    assert run.state.jobs["job1"].note == note


def test_two_workers_that_lack_different_things_do_not_agree() -> None:
    run = up("w1", "w2", "w3")
    fails(run, "w1", "job1", 1)
    run.wait(5)
    assert fails(run, "w2", "job1", 2, NO_NUMPY)[0] == "job1 retry#2@w2: ready"
    assert run.wait(10) == ["job1 assign#3@w3: assigned", "start job1#3@w3"]


def test_a_job_that_waits_for_another_worker_is_given_up_when_that_goes() -> None:
    for gone in (
        ev.WorkerUnusable(0.0, "w2", "no rsync"),
        ev.WorkerLost(0.0, "w2", "broken pipe"),
    ):
        run = up("w1", "w2")
        run.tell(ev.SlotsHeldByOthers(0.0, "w2", 1))
        fails(run, "w1", "job1", 1)
        assert run.tell(gone) == []
        assert run.wait(301) == ["job1 fail#1@w1: failed", "finish 1"]
        assert run.state.jobs["job1"].note.startswith("failed, and there is no other worker")


def test_a_worker_that_is_on_its_way_is_waited_for_until_it_cannot_be_reached() -> None:
    run = Stage(job("job1"), workers=["w1", "w2"], policy=PATIENT)
    run.up("w1")
    assert fails(run, "w1", "job1", 1)[0] == "job1 retry#1@w1: ready"
    assert run.wait(5) == []
    run.lost("w2")
    assert run.wait(run.policy.lease_s) == []
    assert run.wait(5) == ["job1 fail#1@w1: failed", "finish 1"]


def test_a_worker_whose_gpus_are_too_small_is_no_other_worker() -> None:
    run = Stage(Job("job1", phase=2, gpu_bytes=60), workers=["w1", "w2"], policy=PATIENT)
    for worker, size in (("w1", 80), ("w2", 24)):
        run.tell(ev.WorkerUp(0.0, worker, 1, gpu_bytes=(size,)))
    assert fails(run, "w1", "job1", 1)[0] == "job1 fail#1@w1: failed"


def test_after_another_start_every_worker_is_tried_again() -> None:
    run = up("w1")
    fails(run, "w1", "job1", 1)
    run.restart()
    assert run.up("w1") == ["job1 assign#2@w1: assigned", "start job1#2@w1"]


# ---- failures that are alike

ONCE = Policy(retries=0, max_failures=3)
DIVERGED = "loss 3.1\nValueError: loss is {} in /home/lab/run{}\n"


def diverges(run: Stage, worker: str, number: int, attempt: int = 1) -> list[str]:
    return fails(run, worker, f"job{number}", attempt, DIVERGED.format(number * 1.5, number))


def test_many_that_fail_alike_halt_the_run_and_the_rest_waits() -> None:
    run = up("w1", jobs=5, policy=ONCE)
    diverges(run, "w1", 1)
    diverges(run, "w1", 2)
    assert diverges(run, "w1", 3) == [
        "job3 fail#1@w1: failed",
        "collect failed job3#1@w1",
        "halt 3 jobs failed alike and none succeeded in between (exit code 1: ValueError: loss is # in …)",
        "finish 1",
    ]
    assert [run.stands(f"job{n}") for n in (3, 4, 5)] == [State.FAILED, State.READY, State.READY]


def test_what_runs_may_finish_and_what_has_not_started_is_taken_back() -> None:
    run = up("w1", jobs=6, policy=ONCE, slots=5)
    run.run_on("w1", "job4", 1)
    for number in (1, 2):
        diverges(run, "w1", number)
    assert diverges(run, "w1", 3)[1:3] == ["collect failed job3#1@w1", "withdraw job5#1@w1"]
    assert run.ended("w1", "job5", 1, "cancelled")[0] == "job5 withdraw#1@w1: ready"
    assert run.ended("w1", "job6", 1, "cancelled")[0] == "job6 withdraw#1@w1: ready"
    assert run.ended("w1", "job4", 1)[-1] == "collect job4#1@w1"
    assert run.home("job4", 1)[-1] == "finish 1"


def test_one_that_fails_after_the_halt_fails_for_good() -> None:
    run = up("w1", jobs=5, policy=Policy(retries=3, max_failures=3), slots=4)
    diverges(run, "w1", 1)
    diverges(run, "w1", 2)
    assert diverges(run, "w1", 3)[:4] == [
        "job3 retry#1@w1: ready",
        *(f"job{n} fail#1@w1: failed" for n in (1, 2, 3)),
    ]
    assert [run.stands(f"job{n}") for n in (1, 2, 3)] == [State.FAILED] * 3
    assert run.state.jobs["job1"].note == "failed: exit code 1"
    diverges(run, "w1", 4)
    run.ended("w1", "job5", 1, "cancelled")
    assert [run.stands(f"job{n}") for n in (4, 5)] == [State.FAILED, State.READY]
    assert run.state.finished


def test_the_next_start_goes_on_with_what_is_left() -> None:
    run = up("w1", jobs=5, policy=ONCE)
    for number in (1, 2, 3):
        diverges(run, "w1", number)
    run.restart()
    assert not run.state.halted
    run.up("w1", slots=5)
    assert {record.attempts for record in run.state.jobs.values()} == {1, 2}
    for number in (1, 2, 3, 4, 5):
        run.ended("w1", f"job{number}", 2 if number < 4 else 1)
        told = run.home(f"job{number}", 2 if number < 4 else 1)
    assert told[-1] == "finish 0"


def test_a_success_between_starts_the_count_anew() -> None:
    run = up("w1", jobs=9, policy=ONCE)
    for number in (1, 2):
        diverges(run, "w1", number)
    run.ended("w1", "job3", 1)
    run.home("job3", 1)
    for number in (4, 5):
        diverges(run, "w1", number)
    assert not run.state.halted
    diverges(run, "w1", 6)
    assert run.state.halted


def test_failures_that_differ_and_one_job_that_fails_again_and_again_halt_nothing() -> None:
    run = up("w1", jobs=2, policy=Policy(retries=9, max_failures=2, backoff_s=0.0))
    for attempt in (1, 2, 3):
        run.ended("w1", "job1", attempt, "failed", exit_code=1, stderr_tail="ValueError: a")
        run.ended("w1", "job2", attempt, "failed", exit_code=attempt, stderr_tail="ValueError: b")
    assert not run.state.halted


def test_losses_and_time_limits_halt_nothing() -> None:
    run = up("w1", jobs=4, policy=Policy(retries=0, max_failures=1), slots=4)
    for number, outcome in enumerate(("timeout", "lost", "out_of_memory", "requeue"), 1):
        run.ended("w1", f"job{number}", 1, outcome)
    assert not run.state.halted


def test_where_one_failure_halts_it_is_one_job() -> None:
    run = up("w1", jobs=2, policy=Policy(retries=0, max_failures=1))
    diverges(run, "w1", 1)
    assert run.state.halted.startswith("1 job failed alike")


def test_one_bad_worker_does_not_halt_the_others() -> None:
    run = up("w1", "w2", jobs=9, policy=ONCE)
    for number in (1, 3, 4, 5):
        diverges(run, "w1", number)
    assert not run.state.halted
    diverges(run, "w2", 2)
    assert run.state.halted.startswith("5 jobs failed alike")


def test_what_cannot_be_started_halts_too() -> None:
    run = up("w1", jobs=9, policy=ONCE)
    for number in (1, 2, 3):
        run.ended("w1", f"job{number}", 1, "refused", error=f"no such file: /w/a{number}/train.sh")
    assert run.state.halted == "3 jobs failed alike and none succeeded in between (no such file: …)"


def test_zero_never_halts() -> None:
    run = up("w1", jobs=40, policy=Policy(retries=0))
    for number in range(1, 41):
        diverges(run, "w1", number)
    assert run.state.counts[State.FAILED] == 40


def test_base_models_that_fail_alike_halt_the_run_too() -> None:
    run = Stage(base(), job("a", needs="x"), job("b"), workers=["w1"], policy=Policy(0, max_failures=1))
    run.up("w1")
    fails(run, "w1", BASE, 1)
    assert [run.stands(name) for name in (BASE, "a", "b")] == [State.FAILED, State.BLOCKED, State.READY]
    assert run.state.finished
