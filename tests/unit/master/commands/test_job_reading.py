"""Jobs that are added to a run are read as those of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from master.commands.job_reading import AddedJobs, notes_on_added
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import By, CancelJobs, Ordered
from master.errors import ConfigError
from master.intake.jobs import read_jobs
from master.intake.strict_json import Document, parse_document
from master.specs import JobsSpec

OWN = {"base_model": {"include": ["width"]}, "code_version": "v1", "jobs": [{"lr": 1, "width": 4}]}


def read(document: Document, known: Mapping[str, str]) -> JobsSpec:
    return read_jobs(document, code="c", known_ids=known)


def reader(own: Any = OWN) -> tuple[AddedJobs, JobsSpec]:
    document = parse_document(json.dumps(own), "jobs.json")
    return AddedJobs.of(document, read), read(document, {})


def written(tmp_path: Path, value: Any) -> AddJobs:
    (tmp_path / "more.json").write_text(json.dumps(value))
    return AddJobs(str(tmp_path / "more.json"))


def test_what_the_runs_file_says_of_base_models_holds_and_makes_them_the_same(tmp_path: Path) -> None:
    added, own = reader()
    order, found = added.read_more(written(tmp_path, [{"lr": 2, "width": 4}]), {})
    assert list(found.base_models) == list(own.base_models)
    assert json.loads(order.text)["code_version"] == "v1"


def test_what_the_added_file_says_itself_holds(tmp_path: Path) -> None:
    added, own = reader()
    _, found = added.read_more(written(tmp_path, {**OWN, "code_version": "v2", "jobs": [{"width": 4}]}), {})
    assert not set(found.base_models) & set(own.base_models)


def test_fields_that_no_added_job_has_are_no_mistake(tmp_path: Path) -> None:
    added, _ = reader({**OWN, "base_model": {"exclude": ["lr"]}})
    _, found = added.read_more(written(tmp_path, [{"width": 4}]), {})
    assert len(found.base_models) == 1


def test_the_next_start_has_them_by_the_same_names_though_the_file_is_gone(tmp_path: Path) -> None:
    added, own = reader()
    known = {job.job_hash: job.job_id for job in own.jobs}
    order, found = added.read_more(written(tmp_path, [{"lr": 2, "width": 4}, {"lr": 1, "width": 4}]), known)
    (tmp_path / "more.json").unlink()
    ids = {job.job_hash: job.job_id for job in found.jobs}
    event = Ordered(0.0, By(1, "anna", 1), AddJobs(order.path, order.text, ids))
    other = Ordered(0.0, By(1, "anna", 1), CancelJobs([]))
    jobs = added.with_added(own, [event, other, event], known)
    assert [job.job_id for job in jobs.jobs] == [own.jobs[0].job_id, found.jobs[0].job_id]
    assert list(notes_on_added(jobs, own)) == ["1 job of this run was added by `twophase add`"]
    assert list(notes_on_added(own, own)) == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([], "there are no jobs"),
        ([{"lr": 1, "lr ": 2, "id": 7}], "job 1"),
        ([{"lr": 1}, {"lr": 1}], "is equal to job 1"),
        ({"stages": {}}, "stages"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, value: Any, says: str) -> None:
    added, _ = reader()
    with pytest.raises(ConfigError, match=says) as error:
        added.read_more(written(tmp_path, value), {})
    assert "more.json" in str(error.value)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        reader()[0].read_more(AddJobs(str(tmp_path / "nowhere.json")), {})


def test_an_id_of_another_job_is_refused(tmp_path: Path) -> None:
    added, own = reader()
    known = {job.job_hash: "alpha/mine" for job in own.jobs}
    with pytest.raises(ConfigError, match="an earlier job with other fields has"):
        added.read_more(written(tmp_path, [{"lr": 9, "width": 4, "id": "mine"}]), known)
