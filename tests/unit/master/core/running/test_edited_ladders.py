"""Rungs that are wanted from run to run, whose trainings fail and whose base models are damaged.

Each rung is made once, and once more for each time that it was damaged; it goes on from the highest below it
that there is; nothing waits for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from master.core.planning.generations.rungs import climb, climbing, soon_at_home, with_rungs
from master.core.planning.identity import base_model_of
from master.core.planning.plan import base_model_job_id
from master.core.running.policy import Policy
from master.specs import JobSpec, JobsSpec, Rungs, base_models_of
from tests.unit.master.core.running.agents import Chaos
from tests.unit.master.core.running.test_edited_lineages import Run, chaos, check_end
from tests.unit.master.core.running.world import Scene

Wanted = list[tuple[int, int, int]]
"""Learning rate, epochs and number of each job."""


def listed(wanted: Wanted) -> JobsSpec:
    jobs = []
    for rate, epochs, number in dict.fromkeys(wanted):
        config = {"lr": rate, "epochs": epochs, "_number": number}
        base = base_model_of(config, "c")
        jobs.append(JobSpec(f"alpha/{rate}-{epochs}-{number}", f"h{config}", config, "job", base))
    return with_rungs(JobsSpec(tuple(jobs), "jobs.json", base_models_of(jobs)), Rungs("epochs"))


wanted = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 6), st.integers(0, 1)), min_size=1, max_size=8)


@pytest.mark.timeout(600)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(wanted, min_size=1, max_size=3), chaos=chaos, seed=st.integers(0, 2**32))
def test_each_rung_is_made_once_whatever_is_wanted_and_damaged(
    files: list[Wanted], chaos: Chaos, seed: int
) -> None:
    policy = Policy(retries=1, lease_s=60.0, give_up_s=3000.0)
    scene = Scene(workers=3, slots=2, jobs=0, bases=0, mean_s=20.0, chaos=chaos, policy=policy)
    made, damaged = Counter[str](), Counter[str]()
    store, manifests = dict[str, str](), dict[str, Mapping[str, Any]]()
    for number, file in enumerate(files):
        at_home = {spec: manifests[spec] for spec in store}
        run = Run(scene, seed + number, climbing(listed(file), at_home), store)
        run.to_the_end()
        for spec, base in run.spec.base_models.items():
            made[spec] += run.made(spec)
            lower = base.lower
            assert not (run.made(spec) and lower) or lower.spec_hash in run.ever_home | store.keys()
        damaged += run.damages
        check_end(run, set(store))
        manifests |= {spec: each for spec, each in soon_at_home(run.spec).items() if spec not in store}
        store = {**store, **run.store}
        for spec in run.damages.keys() - run.store.keys():
            store.pop(spec, None)
    assert all(count <= 1 + damaged[spec] for spec, count in made.items())


@given(epochs=st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True), split=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_where_nothing_fails_each_epoch_is_trained_once_also_by_two_runs(
    epochs: list[int], split: int
) -> None:
    calm = Chaos(*[0.0] * 5, **dict.fromkeys(("message_loss", "duplicate", "reorder"), 0.0), until=0.0)
    scene = Scene(workers=2, slots=2, jobs=0, bases=0, chaos=calm)
    ascending = sorted(epochs)
    trained, store, manifests = 0, dict[str, str](), dict[str, Mapping[str, Any]]()
    for part in (ascending[:split], ascending):
        if not part:
            continue
        spec = climbing(listed([(0, each, 0) for each in part]), manifests)
        run = Run(scene, 1, spec, store)
        found = climb(spec, run.plan().to_train)
        run.to_the_end()
        assert found and all(run.made(each) == (each not in store) for each in spec.base_models)
        assert all(
            run.state.jobs[base_model_job_id(each)].job.keeps_state
            for each in spec.base_models
            if each not in store
        )
        trained += found.trained
        store, manifests = {**store, **run.store}, {**manifests, **soon_at_home(spec)}
    assert trained == max(epochs)
