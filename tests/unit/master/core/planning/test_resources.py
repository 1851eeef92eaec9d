from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.identity import base_model_of, job_hash_of
from master.core.planning.job_settings import resources_of
from master.core.planning.resources import Resources, no_machine_has, resources, wrong_resources
from worker_agent.protocol.terms import JobLimits


def test_all_of_it_is_read() -> None:
    given = {"labels": ["a", "b"], "cpus": 4, "memory": "8GB", "gpu_memory": 5, "gpus": 1, "priority": -2}
    assert resources(given) == Resources(frozenset("ab"), 4, 8 * 10**9, 5, 1, -2)
    assert resources({}) == resources({"labels": None, "cpus": None}) == Resources()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (3, "allowed is an object of labels, cpus"),
        ({"cpu": 3}, "`cpu` is unknown: did you mean `cpus`?"),
        ({"labels": "a"}, "allowed is a list of labels"),
        ({"labels": ["a b"]}, "allowed is a list of labels"),
        ({"cpus": 0}, "allowed are whole numbers from 1"),
        ({"cpus": True}, "allowed are whole numbers from 1"),
        ({"memory": "8 apples"}, 'has memory `"8 apples"`, allowed is a number of bytes'),
        ({"gpus": 0}, "has gpus `0`, allowed are whole numbers from 1 to 64"),
        ({"gpus": 65}, "has gpus `65`, allowed are whole numbers from 1 to 64"),
        ({"priority": 1.5}, "allowed are whole numbers"),
    ],
)
def test_what_is_wrong_is_told(value: Any, says: str) -> None:
    assert says in wrong_resources(value)
    assert resources(value) is None


def test_gpu_memory_may_stand_beside_it() -> None:
    assert resources_of({"gpu_memory": 7}) == Resources(gpu_memory=7)
    assert resources_of({"gpu_memory": 7, "resources": {"cpus": 2}}) == Resources(cpus=2, gpu_memory=7)
    assert resources_of({"resources": {"gpu_memory": 7}}) == Resources(gpu_memory=7)


def test_the_memory_that_a_job_needs_is_what_it_may_take_unless_its_limits_say_otherwise() -> None:
    need = {"resources": {"memory": "8GB"}}
    assert resources_of(need).limits == JobLimits(memory_bytes=8 * 10**9)
    assert resources_of({**need, "limits": {"processes": 3}}).limits == JobLimits(8 * 10**9, 3)
    assert resources_of({**need, "limits": {"memory": "9GB"}}).limits == JobLimits(9 * 10**9)
    assert resources_of({"limits": {"output": 5}}) == Resources(limits=JobLimits(output_bytes=5))


def test_a_label_that_no_machine_has_is_told_with_the_nearest() -> None:
    machines = [("a100", "fast"), ("v100",)]
    assert no_machine_has(frozenset({"a100", "fast"}), machines) == ""
    assert no_machine_has(frozenset({"a10"}), machines) == (
        "no server has the label `a10`: did you mean `a100`?"
    )
    assert "has all of the labels `fast`, `v100`" in no_machine_has(frozenset({"fast", "v100"}), machines)


def test_resources_are_no_part_of_what_a_job_is() -> None:
    plain, urgent = {"lr": 1}, {"lr": 1, "resources": {"priority": 3}}
    assert job_hash_of(plain) == job_hash_of(urgent)
    assert base_model_of(plain, "x") == base_model_of(urgent, "x")
