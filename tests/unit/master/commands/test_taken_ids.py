"""What is said of a job whose id another job has."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from master.commands.taken_ids import (
    differences,
    in_the_way,
    notes_on_earlier,
    notes_on_suffixes,
    taken_by_earlier,
)
from master.core.running.lifecycle import State
from master.core.running.summary import JobRow
from master.errors import ConfigError
from master.intake.job_ids import IdTaken
from master.specs import JobSpec, JobsSpec
from master.storage.journal import Journal
from master.storage.result_records import EarlierResult
from master.storage.run_layout import RunLayout


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path)


def taken(layout: RunLayout) -> str:
    found = ConfigError("jobs.json", "job 2 (line 3)", "`id` is `alpha/A`, which an earlier job has")
    return str(taken_by_earlier(IdTaken(found, "alpha/A", {"lr": 0.2, "seed": 1}), layout))


def test_the_journal_tells_the_former_fields(layout: RunLayout) -> None:
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs({"h": "alpha/a"}, {"h": {"lr": 0.1, "wd": None}})
    assert taken(layout) == (
        "jobs.json: job 2 (line 3): `id` is `alpha/A`, which an earlier job has: `lr` was"
        " `0.1` and is `0.2`, `wd` was `null` and is not given now, `seed` was not given and is `1`;"
        " give this job another `id` or `prefix`, or its former fields, or the run another --run-dir"
    )


def test_where_the_journal_is_older_the_result_tells_them(layout: RunLayout) -> None:
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs({"h": "alpha/A"})
    assert "which an earlier job has; give this job" in taken(layout)
    record(layout.result("alpha/A"), "twophase_job.json", {"job_id": "alpha/A", "parameters": {"lr": 0.1}})
    assert "`lr` was `0.1` and is `0.2`, `seed` was not given and is `1`;" in taken(layout)


def record(folder: Path, name: str, content: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


def test_a_result_of_another_run_tells_its_fields(layout: RunLayout) -> None:
    record(layout.result("alpha/a"), "job.json", {"job_id": "alpha/a", "parameters": {"lr": 0.1}})
    found = in_the_way(layout, "alpha/a", {"lr": 0.2})
    assert "exists and is not from this run (`lr` was `0.1` and is `0.2`); nothing is ever" in found
    assert "(its fields were the same)" in in_the_way(layout, "alpha/a", {"lr": 0.1})
    assert "exists and is not from this run; nothing is ever" in in_the_way(layout, "alpha/b", {"lr": 0.2})


def test_a_result_whose_journal_is_gone_leads_to_rebuild(layout: RunLayout) -> None:
    known = {"job_id": "alpha/a", "parameters": {"lr": 0.1}, "run_id": "r1"}
    record(layout.result("alpha/a"), "job.json", known)
    assert "is gone or knows no job: give --rebuild" in in_the_way(layout, "alpha/a", {"lr": 0.1})
    with closing(Journal(layout.journal)) as journal:
        assert "is gone or knows no job: give --rebuild" in in_the_way(layout, "alpha/a", {"lr": 0.1})
        journal.remember_jobs({"h": "alpha/b"})
    assert "exists and is not from this run" in in_the_way(layout, "alpha/a", {"lr": 0.1})


def jobs_with(*named: tuple[str, str]) -> JobsSpec:
    return JobsSpec(tuple(JobSpec(job_id, digest, {"seed": 6}, "job") for job_id, digest in named), "jobs")


def test_a_suffix_is_explained_by_the_job_that_has_the_name(layout: RunLayout) -> None:
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs({"h": "alpha/A"}, {"h": {"seed": 5}})
    new = jobs_with(("alpha/a-0123456789", "0123456789ab"), ("alpha/b", "cc"), ("alpha/c-1", "1d"))
    assert notes_on_suffixes(new, {"h": "alpha/A"}, layout) == [
        "1 name was taken by earlier jobs with other fields (`seed` was `5` and is `6`):"
        " this job got a suffix"
    ]
    known = {"h": "alpha/A", "0123456789ab": "alpha/a-0123456789"}
    assert notes_on_suffixes(new, known, layout) == []


def test_a_suffix_that_no_earlier_job_explains_comes_of_the_length(layout: RunLayout) -> None:
    new = jobs_with(("alpha/a-01234567", "012345678"), ("alpha/a-11234567", "112345678"))
    assert notes_on_suffixes(new, {}, layout) == [
        "2 jobs got a suffix: cut to their length, the names would be equal"
    ]


def test_results_that_the_command_leaves_out_are_counted() -> None:
    one = EarlierResult(JobRow("alpha/a", 2, State.SUCCEEDED, 1, 1, "lab1", ""), {})
    assert notes_on_earlier([]) == []
    assert notes_on_earlier([one]) == [
        "1 earlier result of this folder is of a job that this command does not have: it stays in the table"
    ]
    (told,) = notes_on_earlier([one, one])
    assert told.startswith("2 earlier results of this folder are of jobs that this command does not have")


def test_many_differences_are_counted() -> None:
    assert differences({}, dict.fromkeys("abcdefgh", 1)).endswith(
        "`e` was not given and is `1`, 3 more differ"
    )
