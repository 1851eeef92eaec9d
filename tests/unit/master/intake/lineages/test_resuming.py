"""`resume` of a jobs file: what is read, and what is refused with its place, reason and cure."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.core.planning.job_shape import JobShape
from master.errors import ConfigError
from master.intake.jobs import parse_jobs
from master.intake.lineages.resuming import rung_fields
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.intake.stages.file import read_stages
from master.intake.strict_json import parse_document
from master.specs import JobsSpec, Rungs

SCHEMA = json.loads((Path(__file__).parents[5] / "docs/jobs.schema.json").read_text())
EXACT = {"field": "epochs", "exact": True}
GRID = {"epochs": [10, 20, 40], "lr": [0.1, 0.2], "head": [1, 2]}
FILE = {"grid": GRID, "base_model": {"include": ["lr", "epochs"]}, "resume": EXACT}
TRAINER = JobShape(rungs=Rungs("epochs", "schedule_epochs", {"opt": ("lion", None)}))
LADDER = ("epochs", "schedule_epochs")
OF_TRAINER = {
    "defaults": {"schedule_epochs": 40, "opt": "adam"},
    "grid": {"epochs": [10, 20]},
    "resume": {"field": "epochs"},
}


def parse(value: dict[str, Any], shape: JobShape = PARTICIPANT_JOBS) -> JobsSpec:
    return parse_jobs(json.dumps(value, indent=1), code="x", shape=shape)


def lowers(spec: JobsSpec) -> set[tuple[int, int]]:
    return {(base.rung, base.lower.rung if base.lower else 0) for base in spec.base_models.values()}


def test_a_script_of_the_user_says_that_it_is_exact() -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(FILE)
    spec = parse(FILE)
    assert spec.rungs == Rungs("epochs") and len(spec.base_models) == 6
    assert lowers(spec) == {(10, 0), (20, 10), (40, 20)}
    assert all(
        job.base_model is spec.base_models[job.base_model.spec_hash] for job in spec.jobs if job.base_model
    )
    assert spec.base_models.keys() == parse({**FILE, "resume": None}).base_models.keys()
    assert parse({**FILE, "resume": None}).rungs is None


def test_a_trainer_says_it_in_its_manifest() -> None:
    spec = parse(OF_TRAINER, TRAINER)
    assert spec.rungs == TRAINER.rungs and lowers(spec) == {(10, 0), (20, 10)}


def test_jobs_over_participants_have_rungs_too() -> None:
    file = {
        "defaults": {"participants": ["a", "b", "c"], "horizon": 20},
        "grid": {"fold": [0, 1], "epochs": [10, 20], "target_data_pct": [0.5, 1]},
        "resume": {**EXACT, "horizon": "horizon"},
    }
    spec = parse(file)
    assert len(spec.base_models) == 4 and lowers(spec) == {(10, 0), (20, 10)}
    told = {base.rung: dict(base.training or {}) for base in spec.base_models.values()}
    assert all(
        training["epochs"] == rung and training["mode"] == "base_only" for rung, training in told.items()
    )


def test_a_stage_has_rungs_within_it() -> None:
    stages = [
        {"name": "pre", "fields": ["lr", "epochs"]},
        {"name": "post", "from": "pre", "fields": ["head"]},
    ]
    spec = parse({"grid": {**GRID, "lr": [0.1]}, "stages": stages, "resume": EXACT})
    roots = {base.rung: base for base in spec.base_models.values() if base.rung}
    assert roots.keys() == {10, 20, 40} and roots[40].lower is roots[20]
    children = [base for base in spec.base_models.values() if base.stage == "post"]
    assert {base.parent.rung for base in children if base.parent} == {10, 20, 40}
    assert all((base.rung, base.lower) == (0, None) for base in children)
    late = [{"name": "pre", "fields": ["lr"]}, {"name": "post", "from": "pre", "fields": ["head", "epochs"]}]
    spec = parse({"grid": {**GRID, "lr": [0.1]}, "stages": late, "resume": EXACT})
    top = next(base for base in spec.base_models.values() if base.rung == 40)
    assert [base.rung for base in top.lineage] == [0, 10, 20, 40]
    assert top.parent and top.parent.stage == "pre"


def refused(value: dict[str, Any], problem: str, shape: JobShape = PARTICIPANT_JOBS) -> bool:
    """Tell whether a file is refused for this problem."""
    with pytest.raises(ConfigError) as caught:
        parse(value, shape)
    return re.search(problem, str(caught.value)) is not None


@pytest.mark.parametrize(
    ("resume", "problem"),
    [
        ("epochs", "resume .*must be an object"),
        ({"by": "epochs"}, "by"),
        ({"exact": True}, "`field` is missing"),
        (
            {"field": "epoch", "exact": True},
            r"resume\.field .*no job has the field `epoch`: did you mean `epochs`",
        ),
        ({"field": "timeout", "exact": True}, "no job has the field `timeout`"),
        ({"field": "head", "exact": True}, "head` does not identify base models"),
        ({"field": "epochs"}, 'says so by `"exact": true`; else leave `resume` out'),
        ({"field": "epochs", "exact": False}, 'says so by `"exact": true`'),
        ({**EXACT, "horizon": "until"}, "horizon .*no job has the field `until`"),
        ({**EXACT, "horizon": "epochs"}, "horizon .*the field itself"),
        ({**EXACT, "horizon": "head"}, "`head` does not identify the base models that `epochs` does"),
        ({"field": "lr", "exact": True}, "`lr` is `0.1`: rungs are whole numbers from 1"),
    ],
)
def test_what_cannot_be_is_refused(resume: Any, problem: str) -> None:
    assert refused({**FILE, "resume": resume}, problem)


@pytest.mark.parametrize("value", ["10", 10.0, 0, -1, True, None, [10]])
def test_rungs_are_whole_numbers(value: Any) -> None:
    grid = {**GRID, "epochs": [40, value]}
    assert refused(
        {**FILE, "grid": grid}, r"grid point 5 \(line 3\): `epochs` is .*rungs are whole numbers from 1"
    )


def test_each_job_with_a_base_model_says_how_far_it_is_trained() -> None:
    jobs = [{"lr": 1, "epochs": 4}, {"lr": 1}]
    assert refused(
        {"jobs": jobs, "base_model": True, "resume": EXACT}, "job 2.*has no `epochs`: give it in each job"
    )


def test_a_file_without_base_models_has_nothing_to_resume() -> None:
    for rule in ({"base_model": False}, {}):
        assert refused(
            {"grid": {"epochs": [1, 2]}, "resume": EXACT, **rule}, "resume .*no job starts from a base model"
        )


def test_a_job_without_base_model_needs_no_rung() -> None:
    people = {"participants": ["a", "b"], "fold": 0, "epochs": 3}
    spec = parse({"jobs": [people, {**people, "mode": "target_only", "epochs": 2.5}], "resume": EXACT})
    assert [base.rung for base in spec.base_models.values()] == [3]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"schedule_epochs": None},
            "schedule of epochs 10 is not the beginning of that of 20: give `schedule_epochs`, such as 20",
        ),
        (
            {"schedule_epochs": 9},
            "`schedule_epochs` is `9`: a schedule is laid over at least epochs, 10 here",
        ),
        ({"schedule_epochs": 20.5}, "`schedule_epochs` is `20.5`"),
        ({"opt": "lion"}, '`opt` is `"lion"`, with which a training that goes on ends otherwise'),
        ({"opt": None}, "`opt` is `null`"),
    ],
)
def test_what_a_trainer_asks_for_is_asked_of_each_job(changed: dict[str, Any], problem: str) -> None:
    assert refused({**OF_TRAINER, "defaults": {**OF_TRAINER["defaults"], **changed}}, problem, TRAINER)


def test_what_no_training_is_told_is_not_taken_for_given() -> None:
    untold = r"`opt` does not identify base models, whose training is not told it"
    stages = [{"name": "pre", "fields": ["lr"]}, {"name": "post", "from": "pre", "fields": [*LADDER]}]
    file = {**OF_TRAINER, "grid": {"epochs": [10, 20], "lr": [1]}, "stages": stages}
    assert refused(file, untold, TRAINER)
    stages[0]["fields"] = ["lr", "opt"]
    assert lowers(parse(file, TRAINER)) == {(0, 0), (10, 0), (20, 10)}


def test_a_stage_above_may_say_how_long_schedules_are() -> None:
    stages = [
        {"name": "pre", "fields": ["schedule_epochs", "opt"]},
        {"name": "post", "from": "pre", "fields": ["epochs"]},
    ]
    assert lowers(parse({**OF_TRAINER, "stages": stages}, TRAINER)) == {(0, 0), (10, 0), (20, 10)}


def test_what_a_trainer_says_is_not_for_the_file_to_say() -> None:
    assert refused({**OF_TRAINER, "resume": EXACT}, "exact .*the trainer itself says", TRAINER)
    other = {"grid": {"steps": [1, 2]}, "resume": {"field": "steps"}}
    assert refused(other, "the trainer goes on by `epochs`, not by `steps`", TRAINER)
    assert refused(OF_TRAINER, "the trainer does not say that", replace(TRAINER, rungs=None))


def test_stages_of_scripts_have_no_rungs(tmp_path: Path) -> None:
    stage = {"name": "a", "script": "train.py", "jobs": [{"epochs": 1}]}
    document = parse_document(json.dumps({"stages": [stage, stage], "resume": EXACT}), "jobs.json")
    with pytest.raises(ConfigError, match=r"resume .*stages with scripts of their own"):
        read_stages(document)


def test_the_fields_that_a_file_names_are_known() -> None:
    assert rung_fields(EXACT) == ["epochs"] and rung_fields({**EXACT, "horizon": "h"}) == ["epochs", "h"]
