"""Which base model each job of the second stage starts from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.core.planning.analysis import analyze
from master.core.planning.plan import make_plan
from master.errors import ConfigError
from master.intake.stages.file import Stage, Stages
from master.intake.stages.links import StageCode, read_staged_jobs
from master.intake.strict_json import parse_document
from master.runs.script_jobs import job_configs
from master.specs import JobsSpec

PEOPLE = [f"p{number}" for number in range(20)]


def read(makes: Any, uses: Any, codes: tuple[str, str] = ("script:1", "script:2")) -> JobsSpec:
    nodes = (parse_document(json.dumps(jobs), "stages.json").root for jobs in (makes, uses))
    first, second = (
        Stage(name, Path("x.py"), node) for name, node in zip(("base", "tune"), nodes, strict=True)
    )
    return read_staged_jobs(Stages(first, second, "stages.json"), *map(StageCode, codes))


def test_612_jobs_need_17_base_models_and_not_51() -> None:
    makes = [{"prefix": f"base_{n:08x}", "fold": 0, "participants": PEOPLE, "lr": n} for n in range(1, 18)]
    uses = {
        "defaults": {"participants": PEOPLE},
        "grid": {
            "base_experiment_prefix": [job["prefix"] for job in makes],
            "fold": [0, 1, 2],
            "seed_finetune": "0..2",
            "target_batch_pct": [0.25, 0.5, 0.75, None],
        },
    }
    jobs = read(makes, uses)
    found = analyze(jobs, {})
    assert (found.jobs, found.jobs_needing_base_model, len(found.base_models)) == (612, 612, 17)
    assert len(make_plan(jobs, {}).to_train) == 17
    assert {base.jobs for base in found.base_models} == {36}


def test_a_base_model_is_known_by_its_jobs_fields_and_the_code_that_makes_it() -> None:
    makes = [{"prefix": "b1", "lr": 1, "device": 0, "timeout": 60}]
    uses = [{"base_experiment_prefix": "b1", "seed": 1}]
    jobs = read(makes, uses)
    (base,) = jobs.base_models.values()
    assert base.config == {"lr": 1, "code": "script:1"}
    assert read(makes, uses, ("script:1", "other")).base_models == jobs.base_models
    assert read(makes, uses, ("other", "script:2")).base_models != jobs.base_models


def test_the_job_that_makes_it_keeps_its_own_fields() -> None:
    makes = [{"prefix": "b1", "lr": 1, "gpu_memory": "2GB"}]
    jobs = read(makes, [{"base_experiment_prefix": "b1", "gpu_memory": "9GB"}])
    (base,) = jobs.base_models
    assert job_configs(jobs)[f"base_models/{base}"] == makes[0]
    first = make_plan(jobs, {}).jobs[0]
    assert (first.makes, first.gpu_bytes) == (base, 2_000_000_000)


def test_a_job_that_names_none_starts_from_nothing() -> None:
    jobs = read(
        [{"prefix": "b1"}], [{"seed": 1, "mode": "full_fine_tuning"}, {"base_experiment_prefix": "b1"}]
    )
    assert [job.base_model is None for job in jobs.jobs] == [True, False]
    assert jobs.says_of_base_models


def test_jobs_of_one_prefix_are_told_apart_by_their_fold() -> None:
    makes = [{"prefix": "b1", "fold": fold, "participants": PEOPLE} for fold in (0, 1)]
    jobs = read(makes, [{"base_experiment_prefix": "b1", "fold": fold} for fold in (0, 1)])
    assert [job.base_model and job.base_model.config["fold"] for job in jobs.jobs] == [0, 1]


@pytest.mark.parametrize(
    ("uses", "problem"),
    [
        ({"base_experiment_prefix": "base_2"}, r"job 1: .*has the prefix `base_2`: did you mean `base_1`"),
        ({"base_experiment_prefix": "base_1", "prefix": "base_1"}, "is the job's own `prefix`, too"),
        ({"base_experiment_prefix": "twice"}, "job 2, job 3 of the first stage have the prefix `twice` all"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(uses: dict[str, Any], problem: str) -> None:
    makes = [{"prefix": "base_1"}, {"prefix": "twice", "lr": 1}, {"prefix": "twice", "lr": 2}]
    with pytest.raises(ConfigError, match=problem):
        read(makes, [uses])


def test_what_makes_a_base_model_has_a_folder_as_prefix() -> None:
    with pytest.raises(ConfigError, match=r"`prefix` is .*allowed are letters"):
        read([{"prefix": "../out", "lr": 1}], [{"seed": 1}])
