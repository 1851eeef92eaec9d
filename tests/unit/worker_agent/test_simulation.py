"""The agent under random faults: every attempt ends once, no slot is lost, and all is forgotten in the end.

The promises are checked by `Simulation` in every turn; an agent that does not leave fails.
"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.worker_agent.machine import Faults
from tests.unit.worker_agent.simulation import Simulation

NONE = dataclasses.replace(
    Faults(),
    **{
        field.name: 1e9 if field.name.endswith("every_s") else 0.0
        for field in dataclasses.fields(Faults)
        if field.name != "starts_later"
    },
)


def test_without_faults_every_attempt_succeeds_or_is_ended() -> None:
    run = Simulation(1, NONE)
    run.run()
    assert run.kills == 0 and run.machine.losses == 0
    assert all(len(outcomes) == 1 for outcomes in run.outcomes.values())
    ends = {outcome for outcomes in run.outcomes.values() for outcome in outcomes.values()}
    assert "succeeded" in ends and ends <= {"succeeded", "cancelled", "timeout"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_an_agent_keeps_its_promises_whatever_happens(seed: int) -> None:
    run = Simulation(seed, Faults())
    run.run()
    assert run.outcomes.keys() == run.launches.keys()


@pytest.mark.parametrize("fault", [field.name for field in dataclasses.fields(Faults)])
def test_each_fault_alone_is_survived(fault: str) -> None:
    often = 3.0 if fault.endswith("every_s") else 0.8
    for seed in range(3):
        run = Simulation(seed, dataclasses.replace(NONE, **{fault: often}))
        run.run()
        assert run.outcomes.keys() == run.launches.keys() and len(run.launches) == run.jobs


def test_the_simulation_is_not_idle() -> None:
    runs = [Simulation(seed, Faults()) for seed in range(5)]
    for run in runs:
        run.run()
    assert sum(run.kills for run in runs) > 5 and sum(run.boots for run in runs) > 1
    assert sum(run.machine.losses for run in runs) > 1 and sum(run.links for run in runs) > 20
    assert sum(run.machine.groups for run in runs) > 0
