"""What a run has still to do, kept up to date by its transitions."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Job, Plan
from master.core.running.commands import Transition
from master.core.running.fleet.holds import Hold
from master.core.running.forecast.ahead import Ahead, slots_of
from master.core.running.policy import Policy
from master.core.running.records import RunState
from tests.support.endings import finished
from tests.support.scripted_run import ScriptedRun, jobs_spec
from tests.unit.master.core.running.forecast.test_tally import Recorder

TRAINING, EXPERIMENT = (1, "base model"), (2, "")


def driven(jobs: int, bases: int, slots: int = 2, **policy: float) -> tuple[ScriptedRun, Recorder]:
    recorder = Recorder()
    given = Policy(**{"retries": 0, **policy})  # type: ignore[arg-type]
    run = ScriptedRun(jobs_spec(jobs, bases), ["w"], watcher=recorder, policy=given)
    run.up("w", slots)
    return run, recorder


def ahead_of(recorder: Recorder) -> Ahead:
    assert recorder.tally is not None
    return recorder.tally.ahead


def test_work_is_what_runs_what_is_ready_and_what_waits() -> None:
    run, recorder = driven(6, 2)
    run.start("0")
    run.at += 5.0
    work = ahead_of(recorder).work(2, run.at)
    assert list(work.running) == [(TRAINING, 5.0)]
    assert work.ready == {TRAINING: 1} and work.waiting == {EXPERIMENT: 6}
    run.succeed("0", seconds=30.0)
    work = ahead_of(recorder).work(2, run.at)
    assert not work.running and work.waiting == {EXPERIMENT: 3}
    assert work.ready == {TRAINING: 1, EXPERIMENT: 3}
    assert ahead_of(recorder).seen(run.at)[TRAINING] == [(35.0, 30.0)]


def test_by_transitions_as_by_the_state() -> None:
    run, recorder = driven(6, 2)
    run.start("0")
    run.succeed("0", seconds=30.0)
    run.start("job0")
    run.at += 2.0
    found, other = Ahead.of(run.state, run.at), ahead_of(recorder)
    assert found.work(2, run.at) == other.work(2, run.at)
    assert found.seen(run.at) == other.seen(run.at)


def test_the_way_from_one_job_to_the_next_is_measured_while_jobs_wait() -> None:
    run, recorder = driven(3, 0)
    run.start("job0")
    run.start("job1")
    run.succeed("job0", seconds=10.0)
    run.at += 0.5
    run.start("job2")
    assert ahead_of(recorder).work(2, run.at).between_s == pytest.approx(0.5)
    run.succeed("job1", seconds=10.0)
    assert ahead_of(recorder).work(2, run.at).between_s == pytest.approx(0.5)


def test_tries_that_fail_make_more_work() -> None:
    run, recorder = driven(40, 0, 50, retries=1, backoff_s=0.0)
    for number in range(10):
        run.fail(f"job{number}", "no luck")
        run.succeed(f"job{number}")
    tries = sum(item.finished is not None for item in recorder.seen)
    assert tries > 15
    work = ahead_of(recorder).work(50, run.at)
    assert work.ready[EXPERIMENT] == round(30 * (tries + 5) / (10 + 5)), "by a prior of five jobs at once"


def test_slots_are_those_of_workers_that_are_up_and_of_nobody_else() -> None:
    run = ScriptedRun(jobs_spec(3, 0), ["a", "b"])
    assert slots_of(run.state) == 0
    run.up("a", 3)
    assert slots_of(run.state) == 3
    run.state.workers["a"].held_by_others = 1.0
    assert slots_of(run.state) == 2


def test_slots_are_no_more_than_the_user_allows() -> None:
    run = ScriptedRun(jobs_spec(3, 0), ["a"], policy=Policy(max_running=1))
    run.up("a", 3)
    assert slots_of(run.state) == 1


def test_a_transition_of_an_attempt_that_was_not_seen_to_start_counts_by_what_it_says() -> None:
    ahead = Ahead()
    seen: list[tuple[Transition, RunState]] = []

    class Keep:
        def transition(self, transition: Transition, state: RunState) -> None:
            seen.append((transition, state))

    run = ScriptedRun(jobs_spec(1, 0), ["w"], watcher=Keep())
    run.up("w", 1)
    run.succeed("job0", seconds=4.0)
    before = run.job("job0").state
    ahead.take(next(item for item, _ in seen if item.finished), EXPERIMENT, before)
    assert ahead.seen(1010.0)[EXPERIMENT] == [(10.0, 4.0)]


def test_slots_of_workers_that_are_given_nothing_do_not_count() -> None:
    run = ScriptedRun(jobs_spec(9, 0), ["a", "b", "c"])
    for name in ("a", "b", "c"):
        run.up(name, 2)
    run.state.workers["a"].paused = True
    run.state.workers["b"].hold = Hold("anna", 1.0)
    run.state.workers["c"].most = 1
    assert slots_of(run.state) == 1
    run.state.workers["a"].paused, run.state.workers["b"].hold = False, None
    assert slots_of(run.state) == 5
    run.state.at_once = 3
    assert slots_of(run.state) == 3


def test_what_users_expect_counts_until_a_job_has_ended() -> None:
    plan = Plan(tuple(Job(f"alpha/{n}", phase=2, kind="slow", expected_s=60.0) for n in range(3)), {})
    state = RunState.fresh(plan, Policy(), ["w"])
    ahead = Ahead.of(state, 0.0)
    assert ahead.seen(0.0) == {(2, "slow"): [(0.0, 60.0)] * 3}
    record = state.jobs["alpha/0"]
    record.finished = finished(started_at=5.0, duration_s=20.0)
    assert Ahead.of(state, 30.0).seen(30.0) == {(2, "slow"): [(25.0, 20.0)]}
