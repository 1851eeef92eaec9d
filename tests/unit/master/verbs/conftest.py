"""A run as its journal tells it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master.core.explaining.planned import plan_record
from master.core.planning.plan import Job, Plan, base_model_job_id
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.runs.control import client
from master.specs import BaseModelSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.endings import finished

Given = list[tuple[str, dict[str, Any], str]]
"""Verb, fields of the order, and why."""
FIRST, SECOND = "a" * 32, "b" * 32
BASES = {
    FIRST: BaseModelSpec(FIRST, {"seed": 1, "code": "c"}),
    SECOND: BaseModelSpec(SECOND, {"seed": 2, "width": 8, "code": "c"}),
}
FIELDS = {
    "alpha/lr=0.1": {"lr": 0.1, "seed": 1, "amp": True},
    "alpha/lr=0.01": {"lr": 0.01, "seed": 2},
    "alpha/plain": {"lr": 0.1},
}
NEEDS = {"alpha/lr=0.1": FIRST, "alpha/lr=0.01": SECOND, "alpha/plain": None}


def moved(at: float, job_id: str, trigger: Trigger, state: State, **more: object) -> Transition:
    """Return a transition of a first attempt on `lab1`."""
    known = {"attempt": 1, "worker": "lab1", **more}
    return Transition(at, job_id, trigger, state, **known)  # type: ignore[arg-type]


HISTORY = [
    moved(1.0, base_model_job_id(FIRST), Trigger.ASSIGN, State.ASSIGNED),
    moved(2.0, base_model_job_id(FIRST), Trigger.FINISH, State.COLLECTING, finished=finished(duration_s=9.0)),
    moved(3.0, base_model_job_id(FIRST), Trigger.COLLECT, State.SUCCEEDED, content_hash="f"),
    moved(4.0, "alpha/lr=0.1", Trigger.ASSIGN, State.ASSIGNED),
    moved(5.0, "alpha/lr=0.1", Trigger.START, State.RUNNING),
    moved(
        *(7.0, "alpha/lr=0.1", Trigger.FAIL, State.FAILED),
        note="out of \x1b[31mluck\x1b[0m",
        finished=finished(duration_s=2.0, exit_code=1),
    ),
    moved(8.0, "alpha/plain", Trigger.ASSIGN, State.ASSIGNED),
    moved(9.0, "alpha/plain", Trigger.START, State.RUNNING),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the directory of a run: one failed, one running, one that waits for a base model."""
    return written(tmp_path)


def written(folder: Path) -> Path:
    """Write such a run into a folder, and return its directory."""
    layout = RunLayout(folder / "run")
    phase1 = (Job(base_model_job_id(spec_hash), phase=1, makes=spec_hash) for spec_hash in BASES)
    phase2 = (Job(job_id, phase=2, needs=needs) for job_id, needs in NEEDS.items())
    with closing(Journal(layout.journal, "the-run")) as journal:
        journal.remember_jobs({name: name for name in FIELDS}, FIELDS)
        journal.remember_plan(plan_record(Plan((*phase1, *phase2), {}), BASES))
        journal.append(HISTORY)
    return layout.root


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Let a running master take every order; return what it was given."""
    found: Given = []

    def order(layout: Any, verb: str, fields: dict[str, Any], why: str, *, dry_run: bool) -> dict[str, Any]:
        found.append((verb, fields, why))
        return {"done": [{"name": "lab4", "says": "is so"}], "refused": [], "notes": []}

    monkeypatch.setattr(client, "order", order)
    return found
