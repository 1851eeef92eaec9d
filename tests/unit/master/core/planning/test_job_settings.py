"""The table of job settings: what it says, and that the documentation, schema and identity say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.core.planning.identity import base_model_of
from master.core.planning.job_settings import (
    JOB_SETTINGS,
    NOT_FOR_THE_SCRIPT,
    NOT_IDENTIFYING,
    PREFIX,
    STRUCTURED,
    JobSetting,
)
from master.core.planning.setting_kinds import ANYTHING, KEPT, TIME
from master.intake.job_checks import RESERVED_FIELDS
from master.intake.participant_jobs import PARTICIPANT_JOBS, SHARES, SPLIT
from tests.support.markdown import rows_below
from worker_agent.protocol.script_contract import EXECUTORS

DOCS = Path(__file__).parents[5] / "docs"
PAGE = (DOCS / "jobs.md").read_text()
SCHEMA = json.loads((DOCS / "jobs.schema.json").read_text())
JOB = SCHEMA["$defs"]["job"]
FIELDS = JOB["properties"]
OVER_PEOPLE = {"participants": ["a", "b"], "fold": 0}
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 90.0, 10**9, [1], ["a"], "", "x", "a/b", "a//b", "../x", ".x"),
    *("90s", "90 s", "2h", "1d", "90", "-5s", "5 parsecs", "800MB", "1.5 GiB", "24", "24gb", "fork"),
    *EXECUTORS,
    *({"cpus": 4, "labels": ["a100"]}, {"cpus": 0}, {"gpus": 2}, {"label": ["x"]}, {"labels": "x"}),
    *({"memory": "8GB", "gpu_memory": "1GiB", "gpus": 1, "priority": -3}, {"memory": "8 apples"}),
    *({"processes": 4, "output": "1GB"}, {"processes": 0}, {"memory": "4GB"}, {"process": 4}),
    *("{lr}-{seed}", "{lr", "{a b}", "x/{lr}"),
    *({}, {"include": ["*.pt", "runs/*/best"]}, {"exclude": ["tmp/"], "max_size": "2GB"}, {"max_size": None}),
    *({"include": "*.pt"}, {"exclude": [1]}, {"include": ["../x"]}, {"include": [""]}, {"max_size": "big"}),
    *({"includes": []}, {"include": [], "exclude": []}, {"exclude": ["/"]}),
)

each_setting = pytest.mark.parametrize("setting", JOB_SETTINGS, ids=lambda setting: setting.name)


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_a_name_is_a_setting_once() -> None:
    assert len({setting.name for setting in JOB_SETTINGS}) == len(JOB_SETTINGS)


@each_setting
def test_a_value_is_read_where_nothing_is_wrong_with_it(setting: JobSetting[Any]) -> None:
    for value in VALUES[1:]:
        read = setting.of({setting.name: value})
        assert (read is not None) is (setting.problem(value) == "") or setting.name.startswith("_")
    assert (setting.of({}), setting.of({setting.name: None}, 5), setting.problem(None)) == (None, 5, "")


@each_setting
def test_the_page_has_a_row_for_each_setting(setting: JobSetting[Any]) -> None:
    passed = "yes" if setting.passed else "no"
    row = [f"`{setting.name}`", setting.kind.name, setting.default, passed, setting.used_for, setting.meaning]
    assert row in rows_below(PAGE, "## Fields about the job")


def test_the_page_has_no_other_rows() -> None:
    rows = rows_below(PAGE, "## Fields about the job")
    assert [row[0] for row in rows] == [f"`{setting.name}`" for setting in JOB_SETTINGS]


def test_the_page_names_all_executors() -> None:
    (sentence,) = re.findall(r"an\nexecutor is (.*?) \(", PAGE)
    assert tuple(quoted(sentence)) == EXECUTORS


@each_setting
def test_the_schema_tells_what_a_setting_says(setting: JobSetting[Any]) -> None:
    assert FIELDS[setting.name]["description"] == setting.meaning


@each_setting
def test_the_schema_takes_what_is_taken(setting: JobSetting[Any]) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for value in VALUES:
        fits = setting.name in STRUCTURED or not isinstance(value, dict)
        taken = fits and setting.problem(value) == ""
        assert validator.is_valid([{**OVER_PEOPLE, setting.name: value}]) is taken, value


def test_the_schema_tells_of_no_other_fields_but_those_of_participant_jobs() -> None:
    settings = {setting.name for setting in JOB_SETTINGS}
    assert set(FIELDS) == settings | {"mode"}
    assert set(JOB["then"]["properties"]) == SPLIT.fields | set(SHARES) | {PREFIX.name}


def test_the_schema_knows_the_names_that_no_field_may_have() -> None:
    assert set(SCHEMA["$defs"]["name"]["not"]["enum"]) == RESERVED_FIELDS


def test_the_page_names_the_names_that_no_field_may_have() -> None:
    (sentence,) = re.findall(r"lists of these\. (.*) are not allowed as names", PAGE)
    assert set(quoted(sentence)) == RESERVED_FIELDS


def test_the_page_names_all_fields_that_do_not_identify() -> None:
    fields = NOT_IDENTIFYING | PARTICIPANT_JOBS.fine_tuning_fields
    (sentence,) = re.findall(
        r"how it is used or how the job\nis run: (.*?) and names that begin", PAGE, re.DOTALL
    )
    assert set(quoted(sentence)) == {name for name in fields if not name.startswith("_")}


def test_the_scripts_page_names_all_fields_that_are_not_passed() -> None:
    rows = rows_below((DOCS / "script_contract.md").read_text(), "## What it gets")
    (named,) = (row[0] for row in rows if row[1] == "not passed")
    kept = {setting.name for setting in JOB_SETTINGS if setting.kind is KEPT}
    wanted = {name for name in NOT_FOR_THE_SCRIPT - kept if not name.startswith("_")}
    assert set(quoted(named)) == {"_", *wanted}


def test_the_page_of_limits_names_the_times_and_their_flags() -> None:
    rows = rows_below((DOCS / "watching_jobs.md").read_text(), "## Limits")
    times = [setting for setting in JOB_SETTINGS if setting.kind is TIME and setting.used_for == "launching"]
    assert [row[:2] for row in rows] == [[f"`{setting.name}`", setting.default] for setting in times]


def test_no_setting_splits_base_models() -> None:
    fields = {"lr": 3e-4, **dict.fromkeys(NOT_IDENTIFYING, 1)}
    base, plain = base_model_of(fields, "x"), base_model_of({"lr": 3e-4}, "x")
    assert base is not None and plain is not None
    assert base.spec_hash == plain.spec_hash == "28561757eb3565e85fbf45dc2c8fe302"
    assert frozenset(setting.name for setting in JOB_SETTINGS) == NOT_IDENTIFYING


def test_what_the_user_notes_is_never_refused() -> None:
    noted = [setting for setting in JOB_SETTINGS if setting.name.startswith("_")]
    assert noted and all(setting.problem("about an hour") == "" for setting in noted)
    assert [setting.of({setting.name: "about an hour"}) for setting in noted] == [None] * len(noted)


def test_anything_is_a_value_of_a_field_that_the_worker_fills_in() -> None:
    (device,) = (setting for setting in JOB_SETTINGS if setting.kind is ANYTHING)
    assert (device.name, device.passed, device.of({"device": "cuda:7"})) == ("device", True, "cuda:7")
