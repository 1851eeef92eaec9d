"""A step gives out only so much, so that none takes long; the next goes on."""

from __future__ import annotations

from master.core.planning.plan import Job, Plan, base_model_job_id
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.placing.assigning import MOST_AT_ONCE
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.run_state import begin, has_more_to_do, step
from tests.unit.master.core.running.stage import Stage, job

MANY = 5 * MOST_AT_ONCE


def test_a_large_worker_is_filled_in_several_steps() -> None:
    run = Stage(*(job(f"job{number}") for number in range(MANY)), workers=["w1"])
    given = [line for line in run.up("w1", slots=MANY) if line.startswith("start")]
    assert len(given) == MOST_AT_ONCE
    while has_more_to_do(run.state):
        more = [line for line in run.tell(ev.GoOn(run.at)) if line.startswith("start")]
        assert len(more) <= MOST_AT_ONCE
        given += more
    assert len(given) == MANY and not len(run.state.ready)


def test_jobs_that_wait_for_one_base_model_go_on_in_several_steps() -> None:
    waiting = [Job(f"job{number}", phase=2, needs="x") for number in range(MANY)]
    plan = Plan((Job(base_model_job_id("x"), phase=1, makes="x"), *waiting), {})
    state = RunState.fresh(plan, Policy(), ["w1"])
    begin(state, 0.0)
    step(state, ev.WorkerUp(0.0, "w1", 1))
    out = step(state, ev.Collected(0.0, base_model_job_id("x"), 1, "content"))
    assert 0 < len(out.transitions) < MANY and has_more_to_do(state)
    while has_more_to_do(state):
        out = step(state, ev.GoOn(0.0))
    assert state.counts[State.PENDING] == 0
    assert sum(isinstance(command, cmd.StartAttempt) for command in out.commands) <= 1
