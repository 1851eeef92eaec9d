"""Whole runs under random faults: every job ends once, none is early, none hangs, nothing is recorded twice.

The promises are checked by `Simulation` at every step; a run that does not end fails.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from master.core.running.lifecycle import ENDED, State
from master.core.running.policy import Policy
from tests.unit.master.core.running.agents import Chaos
from tests.unit.master.core.running.simulation import Simulation
from tests.unit.master.core.running.world import Scene

CALM = Chaos(
    *(0.0, 0.0, 0.0, 0.0, 0.0),
    **dict.fromkeys(("message_loss", "duplicate", "reorder", "delivery_fail", "collect_fail"), 0.0),
)

chaos = st.builds(
    Chaos,
    fail=st.sampled_from([0.0, 0.03, 0.5]),
    hopeless=st.sampled_from([0.0, 0.5]),
    worker_fault=st.sampled_from([0.0, 0.0, 0.1, 0.9]),
    break_rate=st.sampled_from([0.0, 1 / 200, 1 / 40]),
    death_rate=st.sampled_from([0.0, 1 / 1500, 1 / 200]),
    wipe=st.sampled_from([0.0, 0.3, 1.0]),
    bury=st.sampled_from([0.0, 0.1, 1.0]),
    message_loss=st.sampled_from([0.0, 0.01, 0.1]),
    duplicate=st.sampled_from([0.0, 0.3]),
    reorder=st.sampled_from([0.0, 0.3]),
    delivery_fail=st.sampled_from([0.0, 0.03, 0.5]),
    collect_fail=st.sampled_from([0.0, 0.05]),
    damage_rate=st.sampled_from([0.0, 1 / 100]),
    crash_rate=st.sampled_from([0.0, 1 / 150]),
)
policies = st.builds(
    Policy,
    retries=st.integers(0, 3),
    strict_phases=st.booleans(),
    max_failures=st.sampled_from([0, 0, 1, 4]),
    lease_s=st.just(60.0),
    give_up_s=st.just(3000.0),
)
moments = st.none() | st.floats(0, 500)
scenes = st.builds(
    Scene,
    workers=st.integers(1, 6),
    slots=st.integers(1, 4),
    jobs=st.integers(1, 40),
    bases=st.integers(0, 6),
    chaos=chaos,
    policy=policies,
    generations=st.sampled_from([1, 1, 3, 5]),
    mean_s=st.sampled_from([0.05, 5.0, 60.0, 300.0]),
    same_bytes=st.booleans(),
    demanding=st.booleans(),
    stop_at=moments,
    cancel_at=moments,
)


def every_job_ended(run: Simulation) -> bool:
    return all(run.state.jobs[job.job_id].state in ENDED for job in run.jobs)


@pytest.mark.timeout(600)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scene=scenes, seed=st.integers(0, 2**32))
def test_a_run_ends_and_keeps_its_promises(scene: Scene, seed: int) -> None:
    run = Simulation(scene, seed)
    exit_code = run.run()
    while exit_code == 130 or run.state.halted:
        run.start_master()
        exit_code = run.run()
    assert exit_code in (0, 1, 4)
    assert every_job_ended(run) or exit_code == 4


def test_a_run_whose_jobs_all_fail_alike_stops_early_and_goes_on_with_the_rest() -> None:
    broken = replace(CALM, fail=1.0, requeue=0.0, until=1e9)
    scene = Scene(workers=5, slots=2, jobs=500, bases=0, chaos=broken, policy=Policy(max_failures=10))
    run = Simulation(scene, seed=1)
    assert run.run() == 1
    assert run.state.halted.startswith("10 jobs failed alike")
    assert run.state.counts[State.READY] > 450 and run.state.counts[State.FAILED] < 30
    run.scene = replace(scene, chaos=CALM)
    run.start_master()
    assert run.run() == 0
    assert every_job_ended(run)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_full_size_run_survives_everything_at_once(seed: int) -> None:
    scene = Scene(
        workers=200,
        slots=4,
        jobs=10_000,
        bases=300,
        chaos=Chaos(damage_rate=1 / 200, crash_rate=1 / 400),
    )
    run = Simulation(scene, seed)
    assert run.run() in (0, 1)
    assert every_job_ended(run)
    assert run.crashes and run.damages
    assert run.state.counts[State.SUCCEEDED] > 9_900


def test_a_calm_run_gives_out_each_attempt_once() -> None:
    run = Simulation(Scene(workers=10, slots=2, jobs=200, bases=10, chaos=CALM), seed=1)
    assert run.run() == 0
    assert {record.attempts for record in run.state.jobs.values()} == {1}
    assert len(run.committed) == 210


def test_a_calm_run_trains_each_generation_once() -> None:
    run = Simulation(Scene(workers=10, slots=2, jobs=200, bases=31, generations=5, chaos=CALM), seed=1)
    assert max(map(run.state.plan.generation, run.specs)) == 5
    assert run.run() == 0
    assert {record.attempts for record in run.state.jobs.values()} == {1}
    assert len(run.committed) == 231


@pytest.mark.parametrize("seed", range(8))
def test_five_generations_survive_failures_damage_and_deaths(seed: int) -> None:
    chaos = Chaos(fail=0.3, damage_rate=1 / 40, crash_rate=1 / 150)
    scene = Scene(workers=4, slots=2, jobs=60, bases=31, generations=5, chaos=chaos, policy=Policy(retries=1))
    run = Simulation(scene, seed)
    run.run()
    assert every_job_ended(run)


def test_the_same_seed_gives_the_same_run() -> None:
    scene = Scene(workers=4, slots=2, jobs=60, bases=4, chaos=Chaos(crash_rate=1 / 150))
    first, second = Simulation(scene, seed=7), Simulation(scene, seed=7)
    assert (first.run(), first.journal) == (second.run(), second.journal)


def test_a_run_whose_workers_all_die_gives_up() -> None:
    chaos = Chaos(death_rate=1 / 50, bury=1.0)
    run = Simulation(Scene(workers=5, slots=2, jobs=500, bases=5, chaos=chaos, mean_s=300.0), seed=1)
    assert run.run() == 4
    assert not any(agent.alive for agent in run.agents.values())
