"""Whole runs under everything at once: what is promised is asked after each event, and every run ends."""

from __future__ import annotations

from collections import Counter

import pytest

from master.core.running.lifecycle import State
from master.specs import ASHA, PruneSpec
from tests.simulation.__main__ import main
from tests.simulation.invariants import INVARIANTS
from tests.simulation.pruning import promoted, pruned
from tests.simulation.scene import Scene
from tests.simulation.schedules import WITH_PRUNING, WITH_SEATS, scene_of, with_peers, world_of
from tests.simulation.world import World


def test_the_promises_are_many_and_each_says_what_it_is() -> None:
    names = [invariant.__name__ for invariant in INVARIANTS]
    assert len(names) == len(set(names)) >= 12
    assert all(invariant.__doc__ for invariant in INVARIANTS)


def test_a_calm_run_gives_out_each_attempt_once() -> None:
    world = World(Scene(workers=2, jobs=10, bases=2), seed=1)
    assert world.run() == 0
    records = world.master.state.jobs.values()
    assert {record.attempts for record in records} == {1} and world.starts == 1
    assert world.home.results.keys() == {f"job{n}" for n in range(10)} and len(world.home.store) == 2


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = world_of(5), world_of(5)
    assert (first.run(), first.home.journal) == (second.run(), second.home.journal)
    assert first.events == second.events


def test_no_promise_is_broken_whatever_goes_wrong() -> None:
    faults, states, starts, borrowed = Counter[str](), Counter[State](), 0, 0
    for seed in range(40):
        world = world_of(seed)
        assert world.run() in (0, 1, 4, 130)
        faults.update(world.tally.faults)
        states.update(record.state for record in world.master.state.jobs.values())
        starts, borrowed = starts + world.starts, borrowed + world.tally.borrowed
    assert len(faults) >= 12 and states[State.SUCCEEDED] > 100 and starts > 40
    assert borrowed > 10


def test_no_promise_is_broken_where_workers_are_seats_of_a_pool() -> None:
    evicted, faults = 0, Counter[str]()
    for seed in range(WITH_SEATS, WITH_SEATS + 30):
        world = world_of(seed)
        assert world.run() in (0, 1, 4, 130)
        evicted += sum(record.evictions for record in world.master.state.jobs.values())
        faults.update(world.tally.faults)
    assert evicted > 20 and faults["an allocation is preempted"] > 10 and faults["the master is killed"] > 5


def test_no_promise_is_broken_where_jobs_are_pruned() -> None:
    ended = promotions = 0
    for seed in (seed for seed in range(WITH_PRUNING, WITH_PRUNING + 80) if scene_of(seed).prune):
        world = world_of(seed)
        assert world.run() in (0, 1, 4, 130)
        ended, promotions = ended + pruned(world), promotions + promoted(world)
    assert ended > 20 and promotions > 1


def test_of_jobs_that_are_pruned_the_best_wins() -> None:
    prune = PruneSpec(ASHA, "loss", least_steps=2, eta=3)
    world = World(Scene(workers=2, slots=2, jobs=12, bases=0, job_s=200.0, prune=prune), seed=4)
    assert world.run() == 0
    states = Counter(record.state for record in world.master.state.jobs.values())
    assert states[State.PRUNED] >= 4 and states[State.SUCCEEDED] >= 2
    assert set(states) == {State.PRUNED, State.SUCCEEDED}


def test_no_promise_is_broken_where_workers_take_base_models_from_each_other() -> None:
    passed_on, told = 0, 0
    for seed in range(1, 31):
        world = with_peers(seed)
        assert world.run() in (0, 1, 4, 130)
        passed_on += world.tally.passed_on
        told += len(world.master.state.peers.told)
    assert passed_on > 15 and told > 5


def test_in_a_calm_run_of_peers_no_base_model_is_sent_and_nobody_is_accused() -> None:
    world = World(Scene(workers=4, slots=1, jobs=24, bases=2, peers=True), seed=1)
    assert world.run() == 0
    assert world.tally.passed_on == 4 and not world.master.state.peers.told


def test_allocations_that_end_cost_their_jobs_nothing() -> None:
    pool = {"seats": 3, "queued_s": 30.0, "lent_s": 300.0, "preempted_every_s": 60.0}
    world = World(Scene(workers=4, slots=1, jobs=20, bases=2, job_s=200.0, **pool), seed=3)  # type: ignore[arg-type]
    assert world.run() == 0
    records = world.master.state.jobs.values()
    assert sum(record.evictions for record in records) > 5
    assert {(record.losses, record.failures) for record in records} == {(0, 0)}


def test_submissions_of_which_nobody_hears_cost_time_alone() -> None:
    faults = Counter[str]()
    for seed in range(8):
        pool = {"seats": 3, "queued_s": 30.0, "lent_s": 300.0, "unheard": 0.5}
        world = World(Scene(workers=3, slots=1, jobs=20, bases=2, job_s=200.0, **pool), seed)  # type: ignore[arg-type]
        assert world.run() == 0
        faults.update(world.tally.faults)
        assert {record.failures for record in world.master.state.jobs.values()} == {0}
    assert faults["a submission comes through unheard"] > 10
    assert faults["a second allocation of a seat is given back"] > 1, faults


def test_scenes_differ_and_follow_from_their_number() -> None:
    assert scene_of(1) == scene_of(1) != scene_of(2)


@pytest.mark.slow
def test_many_schedules_are_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schedules", "200", "--seed", "1000"]) == 0
    assert capsys.readouterr().out.endswith("0 promises broken\n")
