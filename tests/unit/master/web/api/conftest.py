"""A server over a run of trainings that its journal tells of, and a master that answers as it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from master.core.explaining.planned import plan_record
from master.core.planning.plan import Job, Plan
from master.core.running.lifecycle import State, Trigger
from master.errors import TwophaseError
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.web import app as application
from master.web.api import service as service_module
from master.web.api.asking import Asked
from master.web.api.caches import NOTHING
from master.web.api.trainings import MARK, Training
from master.web.app import build
from master.web.guard import Guard
from master.web.page import Page
from master.web.run_watch import RunWatch
from tests.support.endings import finished
from tests.unit.master.verbs.conftest import moved
from tests.unit.master.web.conftest import HOST, ORIGIN, PASSES

HEADERS = {**ORIGIN, "Authorization": f"Bearer {PASSES.user}", "Content-Type": "application/json"}
JOBS = "sae/"
ASKED = Asked(layer_idx=6, activation_data_path="acts.parquet", max_epochs=4)


def training(name: str) -> Training:
    """Return a training of the run."""
    return Training(f"{JOBS}{name}", 6, ASKED.config(fast=False), fast=False, created_at=float(len(name)))


TRAININGS = [training(name) for name in ("done", "going", "waiting")]
HISTORY = [
    moved(1.0, f"{JOBS}done", Trigger.ASSIGN, State.ASSIGNED),
    moved(2.0, f"{JOBS}done", Trigger.START, State.RUNNING),
    moved(3.0, f"{JOBS}done", Trigger.FINISH, State.COLLECTING, finished=finished(duration_s=9.0)),
    moved(4.0, f"{JOBS}done", Trigger.COLLECT, State.SUCCEEDED, content_hash="f"),
    moved(5.0, f"{JOBS}going", Trigger.ASSIGN, State.ASSIGNED),
    moved(6.0, f"{JOBS}going", Trigger.START, State.RUNNING),
]


class FakeJobs:
    """Takes down what it is asked for."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Mapping[str, Any], Mapping[str, str]]] = []
        self.cancelled: list[str] = []
        self.heard: dict[str, Any] | None = None
        self.refuses: TwophaseError | None = None

    def submit(self, fields: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        if self.refuses:
            raise self.refuses
        self.submitted.append((fields, inputs))

    def cancel(self, job_id: str) -> str:
        self.cancelled.append(job_id)
        return "is cancelled"

    def look(self, after: int) -> Mapping[str, Any] | None:
        return self.heard


def reported(number: int, *epochs: float) -> dict[str, Any]:
    """Return what the master tells of the training that goes on."""
    metrics = {"loss": 3.0, "train_mse": 2.0, "train_penalty": 1.0}
    said = [{"at": 7.0, "attempt": 1, "epoch": epoch, "epochs": 4.0, "metrics": metrics} for epoch in epochs]
    return {"start": "a", "number": number, "jobs": {f"{JOBS}going": said}}


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    found = RunLayout(tmp_path / "run")
    plan = Plan(tuple(Job(each.job_id, phase=2) for each in TRAININGS), {}, {})
    with closing(Journal(found.journal)) as journal:
        ids = {f"hash of {each.id}": each.job_id for each in TRAININGS}
        fields = {f"hash of {each.id}": {MARK: each.mark()} for each in TRAININGS}
        journal.remember_jobs(ids, fields)
        journal.remember_plan(plan_record(plan, {}))
        journal.remember_workers({"lab1": {"data": ["data/set"]}})
        journal.append(HISTORY, [])
    return found


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> FakeJobs:
    found = FakeJobs()
    monkeypatch.setattr(application, "JobsOfRun", lambda layout: found)
    monkeypatch.setattr(service_module, "prepared_figures", lambda clear: NOTHING)
    monkeypatch.setattr(service_module, "_SETTLED_S", 0.0)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "acts.parquet").write_bytes(b"rows")
    return folder


@pytest.fixture
def watch(layout: RunLayout) -> Iterator[RunWatch]:
    found = RunWatch(layout)
    yield found
    found.close()


@pytest.fixture
def client(watch: RunWatch, jobs: FakeJobs, root: Path) -> Iterator[TestClient]:
    app = build(Page(watch), partial(Guard, passes=PASSES), roots=[root])
    with TestClient(app, base_url=f"http://{HOST}", headers=HEADERS) as found:
        yield found
