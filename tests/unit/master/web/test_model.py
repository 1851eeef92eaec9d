"""The page's picture of a run."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.explaining.planned import Planned
from master.core.planning.plan import Job
from master.web import model as module
from master.web.model import Model


def row(seq: int, job_id: str, state: str, trigger: str = "assign", attempt: int = 1) -> tuple[Any, ...]:
    return seq, float(seq), job_id, trigger, state, attempt, "w1", "", None, ""


def fresh(*job_ids: str) -> Model:
    return Model("run", Planned({name: Job(name, phase=2) for name in job_ids}, {}))


def test_jobs_count_as_pending_until_the_journal_says_otherwise() -> None:
    model = fresh("a", "b")
    assert (model.counts[2]["pending"], model.open) == (2, 2)
    model.take([row(1, "a", "ready"), row(2, "a", "running", "start"), row(3, "b", "failed", "fail")])
    assert {state: n for state, n in model.counts[2].items() if n} == {"running": 1, "failed": 1}
    assert (model.seq, model.open, model.standing("a").started_at) == (3, 1, 2.0)


def test_a_job_of_an_earlier_start_is_added() -> None:
    model = fresh("a")
    model.take([row(1, "base_models/abc", "succeeded", "collect"), row(2, "old", "cancelled")])
    assert list(model.jobs) == ["a", "base_models/abc", "old"]
    assert model.counts[1]["succeeded"] == model.counts[2]["cancelled"] == 1
    assert model.row("base_models/abc").spec_hash == "abc"


def test_what_has_changed_since_is_told() -> None:
    model = fresh("a", "b")
    model.take([row(1, "a", "ready")])
    model.take([row(2, "b", "ready"), row(3, "b", "running", "start")])
    assert [model.changed(since) for since in (0, 1, 3)] == [{"a", "b"}, {"b"}, set()]


def test_who_was_away_for_too_long_or_knows_more_than_there_is_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_CHANGES", 3)
    model = fresh("a")
    model.take([row(seq, "a", "ready") for seq in range(1, 6)])
    assert model.changed(9) is None
    assert [model.changed(since) for since in (0, 1)] == [None, None]
    assert model.changed(2) == {"a"} == model.changed(4)
