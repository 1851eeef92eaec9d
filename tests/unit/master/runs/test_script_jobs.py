"""What is known of jobs before they run, and of the code that does them."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord
from master.code.identity import record_of
from master.code.origin import JobFacts
from master.code.sources import CodeRequest, Sources, find_sources
from master.core.flags.declared import NOTHING_KNOWN
from master.core.planning.plan import Job
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.records import JobRecord
from master.errors import ConfigError
from master.runs.earlier_starts import code_history
from master.runs.script_jobs import BaseCode, ScriptJobs
from master.runs.spec import Start, StoredBaseModel
from master.specs import BaseModelSpec, JobSpec, JobsSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from worker_agent.protocol.messages import Mount

BASE = BaseModelSpec("5" * 32, {"lr": 1})
JOBS = JobsSpec(
    (
        JobSpec("alpha/a", "h1", {"lr": 1, "seed": 1}, "job 1", BASE),
        JobSpec("alpha/b", "h2", {"lr": 1, "seed": 2}, "job 2"),
    ),
    "jobs.json",
    {BASE.spec_hash: BASE},
)


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    script = tmp_path / "project" / "train.py"
    script.parent.mkdir()
    script.write_text("import helper\n")
    script.with_name("helper.py").write_text("")
    return find_sources(CodeRequest(script))


def test_results_are_told_what_was_asked_for_and_what_varied(sources: Sources, tmp_path: Path) -> None:
    code = ScriptJobs(JOBS, sources, record_of(sources)).take(RunLayout(tmp_path / "run"))
    command = ["python", "train.py", "--lr", "1", "--seed", "1"]
    assert code.describe("alpha/a").facts == JobFacts({"lr": 1, "seed": 1}, ["seed"], BASE.spec_hash, command)
    assert code.describe("alpha/b").facts.base_model is None
    assert code.describe(f"base_models/{BASE.spec_hash}").facts.parameters["mode"] == "base_only"
    assert code.start is not None
    assert (code.start.record, code.start.argv) == (record_of(sources), ("{python}", "train.py"))
    assert list(code.directories) == [code.start.snapshot]


def test_script_and_snapshot_belong_to_the_job(sources: Sources, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "base.py"
    other.parent.mkdir()
    other.write_text("pass\n")
    makes = find_sources(CodeRequest(other))
    jobs = replace(
        JOBS,
        jobs=(replace(JOBS.jobs[0], config={"base_experiment_prefix": "b1", "seed": 1}),),
        base_jobs={BASE.spec_hash: {"prefix": "b1", "lr": 1}},
    )
    flags = replace(NOTHING_KNOWN, told_prefix=True)
    base = BaseCode(makes, record_of(makes), flags)
    work = ScriptJobs(jobs, sources, record_of(sources), flags=flags, base=base)
    code = work.take(RunLayout(tmp_path / "run"))
    job_id = f"base_models/{BASE.spec_hash}"
    first = code.launch(Start(JobRecord(Job(job_id, phase=1, makes=BASE.spec_hash)), 1))
    assert first.argv == ["{python}", "base.py", "--prefix", "b1", "--lr", "1"]
    assert first.output_from == "experiments/b1"
    record = JobRecord(Job("alpha/a", phase=2, needs=BASE.spec_hash))
    second = code.launch(Start(record, 1, base=StoredBaseModel("c" * 64)))
    assert second.argv == ["{python}", "train.py", "--base_experiment_prefix", "b1", "--seed", "1"]
    assert second.mounts[-1] == Mount("experiments/b1", artefact="c" * 64)
    assert first.mounts[0] != second.mounts[0] and len(code.directories) == 2
    assert code.start and code.start.base and code.start.of_job(trains=True) is code.start.base
    assert code.describe(job_id).facts.command[:2] == ["python", "base.py"]
    assert CodeStart.from_json(json.loads(json.dumps(code.start.as_json()))) == code.start


def test_code_that_changes_while_the_command_starts_is_not_run(sources: Sources, tmp_path: Path) -> None:
    record = record_of(sources)
    (sources.root / "helper.py").write_text("changed = 1\n")
    with pytest.raises(
        ConfigError, match=r"helper\.py changed while the command was starting: give it again"
    ):
        ScriptJobs(JOBS, sources, record).take(RunLayout(tmp_path / "run"))


def begun(attempt: int) -> Transition:
    return Transition(1.0, "alpha/a", Trigger.ASSIGN, State.ASSIGNED, attempt, "lab1")


def start(digest: str) -> CodeStart:
    return CodeStart(CodeRecord(f"script:{digest}"), digest)


def test_attempts_keep_the_code_that_they_were_begun_with(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal")) as journal:
        journal.append([begun(1)])  # by a version that remembered no code
        for attempt, digest in ((2, "1"), (3, "1"), (4, "2")):
            code_history(journal, start(digest))
            journal.append([begun(attempt)])
        history = code_history(journal, start("3"))
    found = [history.of("alpha/a", attempt) for attempt in (1, 2, 3, 4, 5)]
    assert found == [None, *(start(digest) for digest in ("1", "1", "2", "3"))]


def test_a_run_of_one_code_remembers_no_attempts(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal")) as journal:
        code_history(journal, start("1"))
        journal.append([begun(1)])
        assert code_history(journal, start("1")).former == {}
