"""One set of names for a job, and the documentation tells those that are published."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from master.core.running.summary import job_row
from master.orchestrator import summary_file
from master.runs import phase_logs
from master.runs.job_json import iso, job_json, picked
from master.view import result_table
from tests.support.scripted_run import ScriptedRun, jobs_spec

DOCS = Path(__file__).parents[4] / "docs"


def run() -> ScriptedRun:
    """Return a run in which one job succeeded and one failed."""
    run = ScriptedRun(jobs_spec(2, 1), ["lab1"])
    run.up("lab1", 1)
    run.succeed("0", seconds=3)
    run.succeed("job0", seconds=2.5, peak_rss_bytes=7)
    run.fail("job1", "exit code 1", stderr_tail="no data")
    return run


def summary_keys() -> set[str]:
    """Return the keys of a job of the summary of `run_all_training`."""
    nothing = {field.name: None for field in fields(summary_file.JobReport)}
    empty = {**nothing, "status": summary_file.SUCCEEDED, "words": [], "takes": []}
    return set(summary_file.job_summary(summary_file.JobReport(**empty)))  # type: ignore[arg-type]


def table_keys(page: str) -> set[str]:
    """Return the keys of the table `key of a job` of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = text[text.index("| key of a job |") :].split("\n\n")[0].splitlines()[2:]
    return {key for row in rows for key in re.findall("`([a-z_]+)`", row.split("|")[1])}


def sentence_keys(begin: str) -> set[str]:
    """Return the keys in the brackets behind `begin` in the description of the JSON."""
    text = " ".join((DOCS / "outputs.md").read_text(encoding="utf-8").split())
    text = text[text.index("`--json` gives at the end") :]
    return set(re.findall("`([a-z_]+)`", text[text.index(begin) :].split("(", 1)[1].split(")")[0]))


def test_a_job_says_where_and_how_it_ended() -> None:
    told = job_json(job_row(run().job("job0")))
    assert (told["job_id"], told["state"], told["worker"], told["slot"]) == (
        *("alpha/job0", "succeeded", "lab1", "gpu0"),
    )
    assert (told["duration_seconds"], told["exit_code"], told["error"], told["stderr"]) == (2.5, 0, None, "")
    assert (told["spec_hash"], told["content_hash"], told["peak_rss_bytes"]) == (
        *("0" * 64, "content of job0", 7),
    )
    failed = job_json(job_row(run().job("job1")))
    assert (failed["error"], failed["stderr"], failed["content_hash"]) == (
        "failed: exit code 1",
        "no data",
        None,
    )


def test_times_are_iso_in_utc() -> None:
    assert iso(0.25) == "1970-01-01T00:00:00.250+00:00"
    assert iso(None) is None


def test_an_entry_has_what_is_picked_in_that_order() -> None:
    assert list(picked({"a": 1, "b": 2, "c": 3}, ("c", "a")).items()) == [("c", 3), ("a", 1)]


def test_the_pages_tell_the_keys_of_the_logs_and_the_summary() -> None:
    assert table_keys("outputs.md") == set(phase_logs.JOB_KEYS)
    assert table_keys("run_all_training.md") == summary_keys()


def test_the_page_tells_the_keys_of_the_json() -> None:
    assert sentence_keys("`jobs` (each") == set(result_table.JOB_KEYS)
    assert sentence_keys("`base_models` (each") == set(result_table.BASE_MODEL_KEYS)


def test_what_is_told_twice_has_one_name() -> None:
    """A published key that is not among the names of all is one that only that form has."""
    own = {"gpu", "config", "success", "returncode", "result_dir", "metrics", "jobs"}
    own |= {"id", "name", "status", "optional", "command", "output", "log"}
    published = {*phase_logs.JOB_KEYS, *result_table.JOB_KEYS, *result_table.BASE_MODEL_KEYS}
    own |= {"command_line", "duration_sec", "use_output_dir"}
    own |= {f"supports_{what}" for what in ("epochs", "folds", "sample", "batch")}
    published |= summary_keys()
    assert published - own <= set(job_json(job_row(run().job("job0"))))
    assert not own & set(job_json(job_row(run().job("job0"))))
