"""The picture of a run, kept up to date."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from master.core.explaining.planned import plan_record
from master.core.planning.plan import Job, Plan
from master.core.running.lifecycle import State, Trigger
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.web import run_watch as module
from master.web.run_watch import RunWatch
from tests.unit.master.verbs.conftest import FIELDS, HISTORY, moved

JOB = "alpha/plain"


def test_it_begins_with_all_that_the_journal_tells(watch: RunWatch) -> None:
    model = watch.model
    assert (model.run_id, model.seq, len(model.jobs)) == ("the-run", len(HISTORY), 5)
    assert model.fields["alpha/lr=0.1"]["amp"] is True
    assert not watch.take(watch.look()), "nothing is new"


def test_what_is_new_is_taken_in(watch: RunWatch) -> None:
    with closing(Journal(watch.layout.journal)) as journal:
        journal.append([moved(10.0, JOB, Trigger.FAIL, State.FAILED, note="late")])
        assert watch.take(watch.look())
    assert watch.model.standing(JOB).note == "late"
    assert watch.model.changed(len(HISTORY)) == {JOB}
    assert [item.note for item in watch.history(JOB)][-1] == "late"


def test_another_start_has_another_plan(watch: RunWatch) -> None:
    with closing(Journal(watch.layout.journal)) as journal:
        journal.remember_plan(plan_record(Plan((Job("alpha/new", phase=2),), {}), {}))
        assert watch.take(watch.look())
    model = watch.model
    assert next(iter(model.jobs)) == "alpha/new" and JOB in model.jobs and model.seq == len(HISTORY)


def test_a_large_run_is_looked_at_less_often(watch: RunWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch.rest_s >= module.LOOK_S
    times = iter([0.0, 2.0])
    with closing(Journal(watch.layout.journal)) as journal:
        journal.append([moved(10.0, JOB, Trigger.FAIL, State.FAILED)])
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(times)))
        watch.take(watch.look())
    assert watch.rest_s == 2.0 * module.REST


def test_metrics_are_read_once_for_each_end(
    watch: RunWatch, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = RunLayout(run).result("alpha/plain")
    result.mkdir(parents=True)
    (result / "metrics.json").write_text('{"acc": 0.5}')
    asked = [("alpha/plain", "succeeded", 1.0, FIELDS["alpha/plain"])]
    assert watch.results(asked)[0].metrics == {"acc": 0.5}
    (result / "metrics.json").unlink()
    assert watch.results(asked)[0].metrics == {"acc": 0.5}
    assert watch.results([("alpha/plain", "succeeded", 2.0, {})])[0].metrics == {}
