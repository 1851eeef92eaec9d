"""Trainings as jobs of a run, whose master is one that answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from master.errors import NoMaster, UsageError
from master.storage.run_layout import RunLayout
from master.web.api import jobs as module
from master.web.api.errors import Wrong
from master.web.api.jobs import JobsOfRun

FIELDS = {"id": "sae_6_ab", "layer_idx": 6}
DONE = {"done": [{"name": "sae/sae_6_ab", "says": "is added"}], "refused": [], "notes": []}


class Master:
    """Takes down what it is given."""

    def __init__(self) -> None:
        self.added: list[Mapping[str, Any]] = []
        self.orders: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: Callable[[], dict[str, Any]] = lambda: DONE

    def add_jobs(self, layout: RunLayout, request: Mapping[str, Any]) -> dict[str, Any]:
        self.added.append(request)
        return self.answers()

    def order(self, layout: RunLayout, verb: str, fields: Mapping[str, Any], why: str) -> dict[str, Any]:
        self.orders.append((verb, fields))
        return self.answers()


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch) -> Master:
    found = Master()
    monkeypatch.setattr(module, "order", found.order)
    monkeypatch.setattr(module, "add_jobs", found.add_jobs)
    return found


@pytest.fixture
def jobs(tmp_path: Path) -> JobsOfRun:
    return JobsOfRun(RunLayout(tmp_path))


def test_a_job_brings_its_trainer_and_its_content(jobs: JobsOfRun, master: Master) -> None:
    jobs.submit(FIELDS, {"acts": "c" * 64})
    (request,) = master.added
    assert (request["trainer"], request["inputs"]) == ("sae", {"acts": "c" * 64})
    assert request["jobs"] == {"base_model": False, "jobs": [FIELDS]}


def test_what_the_run_refuses_is_told(jobs: JobsOfRun, master: Master) -> None:
    master.answers = lambda: {"done": [], "refused": [{"name": "x", "says": "is in this run already"}]}
    with pytest.raises(Wrong, match="is in this run already") as refused:
        jobs.submit(FIELDS, {})
    assert refused.value.status == 409


@pytest.mark.parametrize(
    ("error", "raised"), [(UsageError("job 1: k is no number"), Wrong), (NoMaster("no master"), NoMaster)]
)
def test_what_cannot_be_handed_over_is_told(
    error: Exception, raised: type[Exception], jobs: JobsOfRun, master: Master
) -> None:
    def fails() -> dict[str, Any]:
        raise error

    master.answers = fails
    with pytest.raises(raised, match="no "):
        jobs.submit(FIELDS, {})


def test_one_is_cancelled_by_its_name(jobs: JobsOfRun, master: Master) -> None:
    assert jobs.cancel("sae/sae_6_ab") == "is added"
    assert master.orders == [("cancel", {"jobs": ["sae/sae_6_ab"]})]


def test_where_no_master_works_nothing_is_heard(jobs: JobsOfRun) -> None:
    assert jobs.look(0) is None
