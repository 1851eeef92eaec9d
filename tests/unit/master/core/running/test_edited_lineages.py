"""Trees of five generations, edited from run to run, whose trainings fail and whose base models are damaged.

Each base model is made once, and once more for each time that it was damaged; what comes of a changed
ancestor is made anew, and nothing else is; nothing waits for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from master.core.planning.generations.lineages import LineageStage, lineage_of
from master.core.planning.job_shape import ANY_JOB
from master.core.planning.plan import Job, Plan, base_model_job_id, make_plan
from master.core.running.lifecycle import ENDED, State
from master.core.running.policy import Policy
from master.specs import JobSpec, JobsSpec, base_models_of
from tests.unit.master.core.running.agents import Chaos
from tests.unit.master.core.running.simulation import Simulation
from tests.unit.master.core.running.world import Scene

FIELDS = [f"f{number}" for number in range(5)]
STAGES = [LineageStage(f"stage {name}", frozenset({name})) for name in FIELDS]
Configs = Sequence[Mapping[str, Any]]


def listed(configs: Configs) -> JobsSpec:
    jobs = tuple(
        JobSpec(f"alpha/{number}", f"h{number}", config, "job", lineage_of(config, "c", STAGES, ANY_JOB))
        for number, config in enumerate(configs)
    )
    return JobsSpec(jobs, "jobs.json", base_models_of(jobs))


class Run(Simulation):
    """One start of a file of jobs, over what earlier files have left in the store."""

    def __init__(self, scene: Scene, seed: int, spec: JobsSpec, store: Mapping[str, str]) -> None:
        self.spec, self.found = spec, dict(store)
        super().__init__(replace(scene, jobs=len(spec.jobs), bases=0), seed)

    def plan(self) -> Plan:
        return make_plan(self.spec, self.store)

    def start_master(self) -> None:
        if not self.lives:
            self.store.update(self.found)
            self.ever_made.update(self.found.values())
        super().start_master()

    def _job(self, number: int) -> Job:
        return self._experiments[number]

    @cached_property
    def _experiments(self) -> list[Job]:
        return [job for job in make_plan(self.spec, {}).jobs if not job.makes]

    def made(self, spec_hash: str) -> int:
        """How often a base model came home."""
        return self.committed[base_model_job_id(spec_hash)]

    def to_the_end(self) -> None:
        """Run, and give the command again where the run stopped itself."""
        code = self.run()
        while self.state.halted:
            self.start_master()
            code = self.run()
        assert code in (0, 1)


configs = st.lists(
    st.fixed_dictionaries({name: st.integers(0, 1) for name in FIELDS} | {"head": st.integers(0, 2)}),
    min_size=1,
    max_size=8,
)
edits = st.lists(st.tuples(st.sampled_from(FIELDS), st.integers(0, 1), st.integers(10, 12)), max_size=3)
chaos = st.builds(
    Chaos,
    fail=st.sampled_from([0.0, 0.1, 0.4]),
    damage_rate=st.sampled_from([0.0, 1 / 60]),
    crash_rate=st.sampled_from([0.0, 1 / 150]),
    death_rate=st.sampled_from([0.0, 1 / 500]),
)


@pytest.mark.timeout(600)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=configs, edited=edits, chaos=chaos, retries=st.integers(0, 2), seed=st.integers(0, 2**32))
def test_each_is_made_once_and_what_comes_of_a_change_anew(
    first: Configs, edited: list[tuple[str, int, int]], chaos: Chaos, retries: int, seed: int
) -> None:
    policy = Policy(retries=retries, lease_s=60.0, give_up_s=3000.0)
    scene = Scene(workers=3, slots=2, jobs=0, bases=0, mean_s=20.0, chaos=chaos, policy=policy)
    made, damaged, now = Counter[str](), Counter[str](), first
    store: dict[str, str] = {}
    for number in range(len(edited) + 1):
        before = set(store)
        run = Run(scene, seed + number, listed(now), store)
        run.to_the_end()
        made.update({spec: run.made(spec) for spec in run.spec.base_models})
        damaged += run.damages
        check_end(run, before)
        store = {**store, **run.store}
        for spec in run.damages.keys() - run.store.keys():
            store.pop(spec, None)
        if number < len(edited):
            name, old, new = edited[number]
            now = [{**one, name: new} if one[name] == old else one for one in now]
    assert all(count <= 1 + damaged[spec] for spec, count in made.items())


def check_end(run: Run, before: set[str]) -> None:
    """What a run leaves: all have ended, from what is there or was made, and nothing whole is made anew."""
    records = run.state.jobs.values()
    assert all(record.state in ENDED for record in records)
    for job in run.jobs:
        if run.state.jobs[job.job_id].state is State.SUCCEEDED and job.needs is not None:
            assert job.needs in run.ever_home
    for spec in before - run.damages.keys():
        assert not run.made(spec), "what was whole is made anew"


def test_an_edit_in_the_middle_makes_what_is_below_it_anew_and_nothing_above() -> None:
    calm = Chaos(*[0.0] * 5, **dict.fromkeys(("message_loss", "duplicate", "reorder"), 0.0))
    scene = Scene(workers=2, slots=2, jobs=0, bases=0, chaos=replace(calm, until=0.0))
    config = dict.fromkeys(FIELDS, 0) | {"head": 0}
    first = Run(scene, 1, listed([config]), {})
    first.to_the_end()
    assert sum(map(first.made, first.spec.base_models)) == 5
    second = Run(scene, 2, listed([{**config, "f2": 1}]), first.store)
    second.to_the_end()
    assert [second.made(spec) for spec in second.spec.base_models] == [0, 0, 1, 1, 1]
    again = Run(scene, 3, listed([{**config, "f2": 1, "head": 1}]), {**first.store, **second.store})
    again.to_the_end()
    assert not sum(map(again.made, again.spec.base_models))
