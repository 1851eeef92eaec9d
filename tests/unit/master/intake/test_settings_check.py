from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from master.core.planning.plan import make_plan
from master.errors import ConfigError
from master.intake.cluster import parse_cluster
from master.intake.jobs import parse_jobs
from master.intake.settings_check import check_job_settings, check_labels, check_limits, check_phase1_labels
from master.specs import ClusterSpec, JobsSpec

CLUSTER = parse_cluster(
    json.dumps(
        {
            "labels": ["lab"],
            "servers": [{"host": "a", "gpus": 0, "labels": ["a100"]}, {"host": "b", "gpus": 0}],
        }
    )
)


def jobs(*fields: Any) -> JobsSpec:
    return parse_jobs(json.dumps(list(fields)), code="x")


def test_labels_of_some_machine_are_fine() -> None:
    spec = jobs(
        {"a": 1}, *({"b": n, "resources": {"labels": [label]}} for n, label in enumerate(("a100", "lab")))
    )
    check_labels(spec, CLUSTER)
    assert len(spec.jobs) == 3


def test_labels_that_no_machine_has_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"job 2: `resources`: no server has the label `a10`: did you mean `a100`"
    ):
        check_labels(jobs({"a": 1}, {"resources": {"labels": ["a10"]}}), CLUSTER)
    with pytest.raises(ConfigError, match="no server has all of the labels `a100`, `lab`"):
        check_labels(jobs({"resources": {"labels": ["a100", "lab"]}}), CLUSTER)


def test_base_models_need_a_machine_with_the_labels_of_phase_1_and_those_of_their_jobs() -> None:
    cluster = replace(CLUSTER, phase1_labels=("lab",))
    fine, odd = ({"mode": "full", "resources": {"labels": [label]}} for label in ("lab", "a100"))
    file = {"base_model": True, "jobs": [fine]}
    check_phase1_labels(make_plan(parse_jobs(json.dumps(file), code="x"), {}, ("lab",)), "jobs.json", cluster)
    plan = make_plan(parse_jobs(json.dumps({**file, "jobs": [odd]}), code="x"), {}, ("lab",))
    with pytest.raises(ConfigError, match=r"`phase1_labels` alone, and no server has all of .*`a100`, `lab`"):
        check_phase1_labels(plan, "jobs.json", cluster)


def limited(*bounds: dict[str, Any]) -> ClusterSpec:
    servers = [{"host": f"lab{n}", "gpus": 0, "limits": bound} for n, bound in enumerate(bounds)]
    return parse_cluster(json.dumps({"servers": servers}))


def test_a_job_may_take_what_some_server_allows() -> None:
    spec = jobs(
        {"a": 1, "limits": {"memory": "32GB"}}, {"resources": {"memory": "9GB"}, "limits": {"processes": 9}}
    )
    check_limits(spec, limited({"memory": "16GB"}, {"memory": "64GB"}))
    check_limits(spec, limited({"memory": "1GB"}, {}))
    problem = (
        r"job 1: `limits`: may take more than any server allows \(memory 32 GB\): lab0: at most memory 16 GB,"
        r" so not this memory; lab1: .* ask for less, or raise `limits` of a server"
    )
    with pytest.raises(ConfigError, match=problem):
        check_limits(spec, limited({"memory": "16GB"}, {"memory": "31GB"}))


def test_a_wrong_limit_of_a_job_is_told_with_its_place() -> None:
    with pytest.raises(
        ConfigError, match=r"job 2: `limits` has a key `memry` is unknown: did you mean `memory`"
    ):
        check_job_settings(jobs({"a": 1}, {"limits": {"memry": 3}}))


def test_gpu_memory_stands_in_one_place() -> None:
    check_job_settings(jobs({"gpu_memory": "1GB", "resources": {"cpus": 1}}))
    with pytest.raises(ConfigError, match="`resources` has `gpu_memory`, which stands beside it as well"):
        check_job_settings(jobs({"gpu_memory": "1GB", "resources": {"gpu_memory": "2GB"}}))
