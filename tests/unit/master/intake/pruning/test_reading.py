"""What a jobs file says of pruning: what is read, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.core.planning.plan import make_plan
from master.errors import ConfigError
from master.intake.jobs import parse_jobs
from master.specs import ASHA, MAXIMIZE, MEDIAN, JobsSpec, PruneSpec

SCHEMA = json.loads((Path(__file__).parents[5] / "docs/jobs.schema.json").read_text())
GRID = {"lr": [0.1, 0.2], "fold": [0, 1], "seed": [1, 2]}


def parse(prune: Any) -> JobsSpec:
    return parse_jobs(json.dumps({"grid": GRID, "prune": prune}, indent=1), code="x")


def fits(prune: Any) -> bool:
    validator: Any = jsonschema.Draft202012Validator(SCHEMA)
    return bool(validator.is_valid({"grid": GRID, "prune": prune}))


@pytest.mark.parametrize(
    ("prune", "spec"),
    [
        ({"by": "asha", "metric": "val_loss"}, PruneSpec(ASHA, "val_loss")),
        (
            {"by": "asha", "metric": "f1", "direction": "maximize", "step": "tokens", "min": 4, "eta": 2},
            PruneSpec(ASHA, "f1", MAXIMIZE, "tokens", least_steps=4, eta=2),
        ),
        (
            {"by": "median", "metric": "f1", "within": ["lr"], "warm_up": 3, "every": 5, "jobs": 8},
            PruneSpec(MEDIAN, "f1", within=("lr",), least_steps=3, every=5, least_jobs=8),
        ),
    ],
)
def test_a_rule_and_what_it_may_be_told(prune: Any, spec: PruneSpec) -> None:
    assert parse(prune).prune == spec and fits(prune)


def test_jobs_are_compared_within_a_fold_and_a_seed() -> None:
    jobs = parse({"by": "asha", "metric": "val_loss"})
    contests: dict[str, set[float]] = {}
    for job in make_plan(jobs, {}).jobs:
        contests.setdefault(job.contest, set()).add(jobs.jobs[0].config["lr"])
    assert len(contests) == 4 and make_plan(jobs, {}).prune == jobs.prune
    assert {job.contest for job in jobs.jobs if job.config["fold"] == 0 and job.config["seed"] == 1} == {
        '{"fold": 0, "seed": 1}'
    }


def test_all_jobs_are_compared_where_nothing_must_be_equal() -> None:
    assert {job.contest for job in parse({"by": "asha", "metric": "loss", "within": []}).jobs} == {"{}"}


def test_without_it_no_job_is_compared() -> None:
    jobs = parse(None)
    assert jobs.prune is None and {job.contest for job in jobs.jobs} == {""} and fits(None)


def test_it_is_no_part_of_what_a_job_is() -> None:
    with_it, without = parse({"by": "asha", "metric": "loss"}), parse(None)
    assert [job.job_hash for job in with_it.jobs] == [job.job_hash for job in without.jobs]


@pytest.mark.parametrize(
    ("prune", "problem"),
    [
        ("asha", "prune (line 16): must be an object, but is a string"),
        ({"metric": "loss"}, "prune (line 16): `by` is missing"),
        ({"by": "asha"}, "prune (line 16): `metric` is missing"),
        ({"by": "asa", "metric": "loss"}, "prune.by (line 17): is `asa`: did you mean `asha`?"),
        ({"by": "asha", "metric": "loss", "warm_up": 3}, "`warm_up` is unknown"),
        ({"by": "median", "metric": "loss", "eta": 3}, "`eta` is unknown"),
        ({"by": "asha", "metric": "loss", "eta": 1}, "is `1`, allowed are whole numbers from 2"),
        ({"by": "asha", "metric": "loss", "min": 0.5}, "is `0.5`, allowed are whole numbers from 1"),
        ({"by": "median", "metric": "loss", "jobs": 0}, "is `0`, allowed are whole numbers from 1"),
        ({"by": "asha", "metric": " "}, "prune.metric (line 18): must not be empty"),
        (
            {"by": "asha", "metric": "loss", "direction": "less"},
            "prune.direction (line 19): is `less`: allowed are maximize, minimize",
        ),
        ({"by": "asha", "metric": "loss", "within": "fold"}, "must be a list, but is a string"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(prune: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(prune)
    assert problem in str(refused.value)
    assert not fits(prune)


def test_a_field_that_no_job_has_is_refused() -> None:
    with pytest.raises(ConfigError, match="no job has the field `folds`: did you mean `fold`"):
        parse({"by": "asha", "metric": "loss", "within": ["folds"]})
