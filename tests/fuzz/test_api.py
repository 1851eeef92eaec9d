"""Requests to the API as its own description has them, and as it has not: each has a clear answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from master.web.app import build
from master.web.page import Page
from master.web.run_watch import RunWatch
from tests.unit.master.web.api import conftest as api
from tests.unit.master.web.conftest import HOST

schemathesis = pytest.importorskip("schemathesis")
jobs, layout, root, watch, client = api.jobs, api.layout, api.root, api.watch, api.client
EXAMPLES = 12
"""For each route and kind of case."""
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def operations(watch: RunWatch, jobs: api.FakeJobs) -> list[Any]:
    """Return what the API can be asked, as FastAPI describes it: once, without the prefix."""
    found: list[FastAPI] = []

    def unguarded(app: Any) -> Any:
        found.append(app)
        return app

    build(Page(watch), unguarded)
    schema = schemathesis.openapi.from_dict(found[0].openapi())
    every = [operation.ok() for operation in schema.get_all_operations()]
    return [each for each in every if not each.path.startswith("/api/") and each.path != "/"]


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_request_has_a_clear_answer(
    mode: str, operations: list[Any], client: TestClient, jobs: api.FakeJobs
) -> None:
    assert len(operations) == 13
    for operation in operations:
        ask_all(client, operation, schemathesis.GenerationMode[mode])
    assert all(fields["preset"] in ("seed", "seed-fast") for fields, _ in jobs.submitted)


def ask_all(client: TestClient, operation: Any, mode: Any) -> None:
    """Ask what a route may be asked; nothing where it takes nothing that could be wrong."""

    @QUICK
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        check(client, case)

    with suppress(Unsatisfiable):
        ask()


def check(client: TestClient, case: Any) -> None:
    """Ask, and look at the answer."""
    kwargs = case.as_transport_kwargs(base_url=f"http://{HOST}")
    body = {"content": kwargs.pop("data")} if "data" in kwargs else {}
    told = client.request(**{**kwargs, **body, "headers": api.HEADERS, "cookies": None})
    assert told.status_code < 500, (case, told.text)
    if told.status_code >= 400:
        assert told.json()["error"], case
