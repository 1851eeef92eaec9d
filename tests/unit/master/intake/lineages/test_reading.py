"""Jobs files of stages that add fields: what is read, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.core.flags.declared import NOTHING_KNOWN
from master.errors import ConfigError
from master.intake.jobs import parse_jobs
from master.intake.lineages.reading import has_lineage
from master.intake.stages.file import has_stages
from master.intake.strict_json import parse_document
from master.specs import JobsSpec

SCHEMA = json.loads((Path(__file__).parents[5] / "docs/jobs.schema.json").read_text())
PRE = {"name": "pre", "fields": ["lr"]}
ADAPT = {"name": "adapt", "from": "pre", "fields": ["site"]}
GRID = {"lr": [0.1, 0.2], "site": ["a", "b", "c"], "head": [1, 2]}


def parse(*stages: Any, **more: Any) -> JobsSpec:
    value = {"grid": GRID, "stages": list(stages), **more}
    return parse_jobs(json.dumps(value, indent=1), code="x", script=NOTHING_KNOWN)


def test_each_generation_is_shared_by_what_depends_on_its_fields_alone() -> None:
    spec = parse(PRE, ADAPT)
    jsonschema.Draft202012Validator(SCHEMA).validate({"grid": GRID, "stages": [PRE, ADAPT]})
    roots = [base for base in spec.base_models.values() if base.parent is None]
    assert (len(spec.jobs), len(roots), len(spec.base_models)) == (12, 2, 2 + 6)
    for job in spec.jobs:
        assert job.base_model and job.base_model.parent
        assert job.base_model is spec.base_models[job.base_model.spec_hash]
        assert [base.stage for base in job.base_model.lineage] == ["pre", "adapt"]
        assert job.base_model.training == {
            "lr": job.config["lr"],
            "site": job.config["site"],
            "mode": "base_only",
        }
        assert job.base_model.parent.training == {"lr": job.config["lr"], "mode": "base_only"}


def test_stages_may_be_listed_in_any_order() -> None:
    assert parse(ADAPT, PRE).base_models.keys() == parse(PRE, ADAPT).base_models.keys()


def test_one_stage_is_what_two_phases_are() -> None:
    spec = parse({"name": "pre", "fields": ["lr"]})
    assert (
        spec.base_models.keys()
        == parse_jobs(
            json.dumps({"grid": GRID, "base_model": {"include": ["lr"]}}), code="x"
        ).base_models.keys()
    )


def test_jobs_over_people_leave_the_same_one_out_in_every_generation() -> None:
    people = {"participants": ["p1", "p2", "p3", "p4"]}
    stages = [
        {"name": "everyone", "fields": ["participants", "fold"]},
        {"name": "group", "from": "everyone", "fields": ["n_base_participants"]},
    ]
    value = {"defaults": people, "grid": {"fold": [0, 1], "n_base_participants": [1, 2]}, "stages": stages}
    spec = parse_jobs(json.dumps(value), code="x")
    first = spec.jobs[0].base_model
    assert first and first.parent
    assert first.parent.config["base_participants"] == ["p2", "p3", "p4"]
    assert first.config["base_participants"] == ["p2"]
    assert first.parent.training == {**people, "fold": 0, "mode": "base_only"}
    assert len(spec.base_models) == 2 + 4


@pytest.mark.parametrize(
    ("value", "lineage", "scripts"),
    [
        ({"jobs": []}, False, False),
        ({"stages": [{"name": "a", "fields": []}]}, True, False),
        ({"stages": [{"name": "a"}], "grid": {}}, True, False),
        ({"stages": [{"name": "a", "script": "x"}], "grid": {}}, False, True),
        ({"stages": [{"name": "a", "script": "x"}]}, False, True),
        ({"stages": []}, False, True),
    ],
)
def test_both_kinds_of_stages_are_told_apart(value: Any, lineage: bool, scripts: bool) -> None:
    assert has_lineage(value) is lineage
    assert has_stages(parse_document(json.dumps(value), "jobs.json")) is scripts


@pytest.mark.parametrize(
    ("stages", "problem"),
    [
        ((PRE, {**ADAPT, "from": "per"}), r"stages\[1\].from .*no stage is called `per`: did you mean `pre`"),
        ((PRE, {**ADAPT, "from": "adapt"}), "a stage cannot be from itself"),
        ((PRE, {"name": "b", "fields": ["site"]}), "pre is without `from`, too.*let one be from the other"),
        (
            (PRE, ADAPT, {"name": "b", "from": "pre", "fields": ["head"]}),
            "adapt is from pre, too, and a job starts from one base model",
        ),
        (
            (PRE, {**ADAPT, "from": "b"}, {"name": "b", "from": "adapt", "fields": []}),
            "adapt, b go round in a circle",
        ),
        (({**ADAPT, "from": "b"}, {"name": "b", "from": "adapt", "fields": []}), "in a circle: the first"),
        ((PRE, {**ADAPT, "fields": ["lr"]}), r"fields\[0\] .*`lr` is in the stage pre, too"),
        ((PRE, {**ADAPT, "fields": ["site", "site"]}), "`site` is here twice"),
        ((PRE, {**ADAPT, "fields": ["sight"]}), "no job has the field `sight`: did you mean `site`"),
        ((PRE, {**ADAPT, "fields": ["device"]}), "no job has the field `device`"),
        ((PRE, {**ADAPT, "name": "pre", "from": None}), "another stage is called `pre`, too"),
        ((PRE, {"name": "adapt", "from": "pre"}), "`fields` is missing"),
        (({"fields": ["lr"]},), "`name` is missing"),
        (
            ({**PRE, "script": "a.py"}, ADAPT),
            "has a `script`, and stages with `fields` are all trained by that",
        ),
        (({**PRE, "form": "x"}, ADAPT), "`form` is unknown"),
        ((PRE, "adapt"), r"stages\[1\] .*must be an object, but is a string"),
        ((), "there are no stages"),
    ],
)
def test_mistakes_are_named_with_their_place(stages: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse(*stages)


def test_what_says_how_a_job_is_run_is_no_field_of_a_stage() -> None:
    with pytest.raises(ConfigError, match="`timeout` says how a job is run"):
        parse({**PRE, "fields": ["timeout"]}, defaults={"timeout": 5})


def test_stages_and_a_rule_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="leave `base_model` out"):
        parse(PRE, ADAPT, base_model={"exclude": ["head"]})


@pytest.mark.parametrize(
    ("fields", "problem"),
    [(["lr"], "no stage has `participants` and `fold`"), (["fold"], "the stage pre has not both of")],
)
def test_nobody_is_in_the_training_of_what_a_job_about_them_starts_from(
    fields: list[str], problem: str
) -> None:
    value = {"jobs": [{"participants": ["a", "b"], "fold": 0, "lr": 1}]}
    with pytest.raises(ConfigError, match=problem):
        parse_jobs(json.dumps({**value, "stages": [{"name": "pre", "fields": fields}]}), code="x")
