"""What a master that stands is made of."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from master.commands.additions.standing import NoProgram, check_standing
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.options.serve import parse_serve
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.core.running.orders.order import By, Ordered
from master.errors import ConfigError, InternalError, UsageError
from master.runs.spec import Known, Start
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    return RunLayout(tmp_path / "run")


@pytest.fixture
def options(layout: RunLayout) -> TwoPhaseOptions:
    return parse_serve([str(layout.root), "--retries", "3", "--max-failures", "2"])


def added(options: TwoPhaseOptions, layout: RunLayout, script: Path, **given: str) -> None:
    """Add a job to a master that stands, as it would be remembered."""
    order = AddJobs(text=json.dumps([{"lr": 1}]), program=AskedProgram(script=str(script)), **given)
    spec = check_standing(options, layout).spec
    assert spec.read_more
    more = spec.read_more(order, Known({}))
    assert more.work
    code = more.work.take(layout)
    assert code.start
    ids = {job.job_hash: job.job_id for job in more.jobs.jobs}
    order = replace(more.order, ids=ids, code=code.start.as_json())
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs(ids)
        journal.append([], [Ordered(0.0, By(1, "anna", 1), order)])


def test_it_begins_without_jobs_and_never_ends_by_itself(options: TwoPhaseOptions, layout: RunLayout) -> None:
    spec = check_standing(options, layout).spec
    assert spec.plan.jobs == () and spec.jobs.jobs == () and spec.read_more is not None
    assert spec.policy.stands and (spec.policy.retries, spec.policy.max_failures) == (3, 2)
    assert spec.resumes and spec.owner.command == "twophase serve"
    assert not layout.state.exists(), "nothing is written before it begins"


def test_it_goes_on_with_all_additions(options: TwoPhaseOptions, layout: RunLayout, tmp_path: Path) -> None:
    script = tmp_path / "code" / "train.py"
    script.parent.mkdir()
    script.write_text("pass\n")
    added(options, layout, script)
    script.write_text("import os\n")
    added(options, layout, script, name="second")
    script.unlink()
    standing = check_standing(options, layout)
    assert [job.job_id for job in standing.spec.plan.jobs] == ["train/job", "second/job"]
    assert [job.addition for job in standing.spec.plan.jobs] == ["train", "second"]
    assert [more.order.name for more in standing.spec.added] == ["train", "second"]
    assert standing.notes == ()


def test_it_has_no_program_of_its_own(options: TwoPhaseOptions, layout: RunLayout) -> None:
    spec = check_standing(options, layout).spec
    assert spec.read_more
    with pytest.raises(UsageError, match="give --script-path, -m or --trainer"):
        spec.read_more(AddJobs(text="[]"), Known({}))
    code = NoProgram().take(layout)
    assert code.start is None and code.directories == {}
    start: Start = type("S", (), {"record": type("R", (), {"job": type("J", (), {"job_id": "a"})})})()  # type: ignore[assignment]
    with pytest.raises(InternalError, match="a has no program"):
        code.launch(start)


def test_jobs_have_no_terminal(options: TwoPhaseOptions, layout: RunLayout) -> None:
    with pytest.raises(UsageError, match="has no terminal"):
        check_standing(replace(options, executor="inline"), layout)


def test_a_cluster_config_that_is_not_there_is_told(options: TwoPhaseOptions, layout: RunLayout) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        check_standing(replace(options, cluster_config=Path("nowhere.json")), layout)


def test_it_stands_in_no_run(options: TwoPhaseOptions, layout: RunLayout) -> None:
    with closing(Journal(layout.journal)) as journal:
        journal.remember_jobs({"h": "alpha/a"})
    with pytest.raises(UsageError, match="holds a run with jobs of its own"):
        check_standing(options, layout)
