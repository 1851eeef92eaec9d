"""What the same command would do now."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags, Style
from master.core.planning.plan import make_plan
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.errors import ConfigError
from master.runs.script_jobs import job_configs, planned_jobs
from master.runs.spec import RunSpec
from master.specs import ASHA, ClusterSpec, PruneSpec, ServerSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.scripted_run import jobs_spec

PROGRAM = ("{python}", "train it.py")


class NoWork:
    def take(self, layout: RunLayout) -> object:
        raise AssertionError("nothing is taken by a look")


def look(root: Path) -> dict[str, tuple[bool, int]]:
    jobs = jobs_spec(2, 0)
    spec = RunSpec(
        RunLayout(root), ClusterSpec((ServerSpec("a", "a"),)), make_plan(jobs, {}), NoWork(), jobs=jobs
    )  # type: ignore[arg-type]
    jobs = planned_jobs(spec, (PROGRAM, NOTHING_KNOWN), job_configs(jobs))
    assert all(job.command.startswith("python 'train it.py'") for job in jobs)
    return {job.job_id: (job.is_done, job.attempts) for job in jobs}


def test_without_a_journal_all_will_run_and_none_is_made(tmp_path: Path) -> None:
    assert set(look(tmp_path).values()) == {(False, 0)}
    assert list(tmp_path.iterdir()) == []


def test_what_a_journal_says_is_done_will_not_run_again(tmp_path: Path) -> None:
    first, second = look(tmp_path)
    steps = (
        (Trigger.ASSIGN, State.ASSIGNED),
        (Trigger.START, State.RUNNING),
        (Trigger.FINISH, State.COLLECTING),
        (Trigger.COLLECT, State.SUCCEEDED),
    )
    layout = RunLayout(tmp_path)
    with closing(Journal(layout.journal)) as journal:
        journal.append(Transition(1.0, first, trigger, state, 1, "a", "") for trigger, state in steps)
    before = sorted(path.name for path in layout.journal.parent.iterdir())
    assert look(tmp_path) == {first: (True, 1), second: (False, 0)}
    assert sorted(path.name for path in layout.journal.parent.iterdir()) == before


def test_what_was_pruned_is_told_to_stay_so_while_jobs_are(tmp_path: Path) -> None:
    jobs, layout = jobs_spec(1, 0), RunLayout(tmp_path)
    configs, (one,) = job_configs(jobs), jobs.jobs
    jobs = replace(jobs, jobs=(replace(one, contest="x"),), prune=PruneSpec(ASHA, "loss"))
    with closing(Journal(layout.journal)) as journal:
        journal.append(
            Transition(1.0, one.job_id, trigger, state, 1, "a", "")
            for trigger, state in ((Trigger.START, State.RUNNING), (Trigger.SHELVE, State.PRUNED))
        )
    for found, stays in ((jobs, True), (replace(jobs, prune=None), False)):
        spec = RunSpec(
            layout, ClusterSpec((ServerSpec("a", "a"),)), make_plan(found, {}), NoWork(), jobs=found
        )  # type: ignore[arg-type]
        (job,) = planned_jobs(spec, (PROGRAM, NOTHING_KNOWN), configs)
        assert (job.is_pruned, job.is_done, job.attempts) == (stays, False, 1)


def test_a_journal_that_is_none_is_told(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    layout.journal.parent.mkdir(parents=True)
    layout.journal.write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match="cannot be used as a journal"):
        look(tmp_path)


def test_a_command_is_shown_as_the_script_takes_it(tmp_path: Path) -> None:
    jobs = jobs_spec(1, 0)
    configs = {job.job_id: {"lr": 1, "device": "cuda"} for job in jobs.jobs}
    spec = RunSpec(
        RunLayout(tmp_path), ClusterSpec((ServerSpec("a", "a"),)), make_plan(jobs, {}), NoWork(), jobs=jobs
    )  # type: ignore[arg-type]
    (job,) = planned_jobs(spec, (PROGRAM, ScriptFlags(style=Style.JOINED)), configs)
    assert job.command == "python 'train it.py' --lr=1 --device={device}"
