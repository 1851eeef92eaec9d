"""Jobs that are added to a run are read as those of its file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from master.commands.additions.programs import Additions
from master.commands.job_reading import (
    AddedJobs,
    JobProgram,
    Reading,
    ReadingContext,
    joined_by,
    notes_on_added,
)
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.of_workers import AddWorker, RemoveWorkers
from master.core.running.orders.order import By, CancelJobs, Ordered
from master.errors import ConfigError
from master.intake.jobs import read_jobs
from master.intake.strict_json import Document, parse_document
from master.specs import ClusterSpec, JobsSpec, ServerSpec
from master.storage.journal_orders import ordered_of

LAB9_ADDED = Ordered(0.0, By(1, "anna", 1), AddWorker({}, name="gpu9", labels=["a100"]))
SEEN: list[Sequence[ServerSpec]] = []
"""The workers that jobs were read for."""
OWN = {"base_model": {"include": ["width"]}, "code_version": "v1", "jobs": [{"lr": 1, "width": 4}]}


def read(document: Document, known: Mapping[str, str], servers: Sequence[ServerSpec] = ()) -> JobsSpec:
    SEEN.append(servers)
    return read_jobs(document, code="c", known_ids=known)


def reader(own: Any = OWN) -> tuple[AddedJobs, JobsSpec]:
    document = parse_document(json.dumps(own), "jobs.json")
    return AddedJobs.of(document, read), read(document, {})


def additions(own: AddedJobs) -> Additions:
    context: Any = None
    return Additions(context, own)


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


def test_the_rungs_of_the_runs_file_hold_for_added_jobs_that_start_from_base_models(tmp_path: Path) -> None:
    rungs = {"base_model": {"include": ["width"]}, "resume": {"field": "width", "exact": True}}
    added, _ = reader({**rungs, "jobs": [{"lr": 1, "width": 4}]})
    order, found = added.read_more(written(tmp_path, [{"width": 6}, {"width": 8}]), {})
    assert found.rungs and json.loads(order.text)["resume"] == rungs["resume"]
    for without in ([{"lr": 4}], {"jobs": [{"width": 6}], "base_model": False}):
        order, found = added.read_more(written(tmp_path, without), {})
        assert found.rungs is None and "resume" not in json.loads(order.text)
    said = {"jobs": [{"width": 6}], "resume": None}
    assert added.read_more(written(tmp_path, said), {})[1].rungs is None


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
    jobs, others, notes = additions(added).with_added(own, [event, other, event], known)
    assert others == []
    assert notes == []
    assert [job.job_id for job in jobs.jobs] == [own.jobs[0].job_id, found.jobs[0].job_id]
    assert list(notes_on_added(jobs, own)) == ["1 job of this run was added by `twophase add`"]
    assert list(notes_on_added(own, own)) == []


def test_what_cannot_be_read_any_more_is_left_out_and_told_and_ends_no_start(tmp_path: Path) -> None:
    added, own = reader()
    lost, _ = added.read_more(written(tmp_path, [{"lr": 2, "width": 4}, {"lr": 3, "width": 4}]), {})
    kept, found = added.read_more(written(tmp_path, [{"lr": 4, "width": 4}]), {})
    lost = replace(lost, ids={"h2": "alpha/2", "h3": "alpha/3"})

    def strict(document: Document, known: Mapping[str, str], servers: Sequence[ServerSpec] = ()) -> JobsSpec:
        if document.value["jobs"][0]["lr"] == 2:
            raise ConfigError(document.source, "jobs[0]", "`lr` is no flag of train.py")
        return read(document, known)

    orders = [Ordered(0.0, By(1, "anna", 1), order) for order in (lost, kept)]
    jobs, _, notes = additions(replace(added, read=strict)).with_added(own, orders, {})
    assert [job.job_hash for job in jobs.jobs] == [own.jobs[0].job_hash, found.jobs[0].job_hash]
    assert notes == [
        f"2 jobs that `twophase add` took from {lost.path} cannot be read any more and are left out,"
        f" what they left stays: {lost.path} as it was added: jobs[0]: `lr` is no flag of train.py;"
        " once that holds no more the next start has them again"
    ]


def test_jobs_that_are_added_are_read_for_the_workers_of_that_moment(tmp_path: Path) -> None:
    added, _ = reader()
    gpu9 = ServerSpec("gpu9", "gpu9", labels=("a100",))
    SEEN.clear()
    added.read_more(written(tmp_path, [{"lr": 2, "width": 4}]), {}, (gpu9,))
    assert [(gpu9,), (gpu9,)] == SEEN


def test_labels_are_looked_for_among_the_workers_that_joined_too() -> None:
    jobs = read(parse_document(json.dumps([{"lr": 1, "resources": {"labels": ["a100"]}}]), "jobs.json"), {})
    lab1, gpu9 = ServerSpec("lab1", "lab1"), ServerSpec("gpu9", "gpu9", labels=("a100",))
    options: Any = SimpleNamespace(executor=None)
    anything: Any = None
    context = ReadingContext(options, ClusterSpec((lab1,)), anything, anything)
    code: Any = SimpleNamespace(script=None)
    reading = Reading(context, JobProgram(code, anything, anything, ("process", "process")))
    with pytest.raises(ConfigError, match="a100"):
        reading.check(jobs)
    replace(reading, context=replace(context, joined=joined_by([LAB9_ADDED]))).check(jobs)
    reading.check(jobs, (lab1, gpu9))


def test_of_the_workers_that_joined_those_count_that_were_not_removed() -> None:
    gone = Ordered(1.0, By(1, "anna", 1), RemoveWorkers(["gpu9"]))
    assert [server.name for server in joined_by([LAB9_ADDED])] == ["gpu9"]
    assert joined_by([LAB9_ADDED, gone]) == ()


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


def test_what_an_earlier_version_wrote_of_added_jobs_is_read(tmp_path: Path) -> None:
    added, own = reader()
    order, found = added.read_more(written(tmp_path, [{"lr": 2, "width": 4}]), {})
    ids = {job.job_hash: job.job_id for job in found.jobs}
    detail = json.dumps({"path": order.path, "text": order.text, "ids": ids})
    event = ordered_of((1.0, 1000, "anna", 7, "add", "", detail))
    jobs, others, notes = additions(added).with_added(own, [event], {})
    assert [job.job_id for job in jobs.jobs[1:]] == list(ids.values())
    assert (others, notes, {job.addition for job in jobs.jobs}) == ([], [], {""})
