"""A page of a run that is known by its journal, and those who visit it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from master.storage.run_layout import RunLayout
from master.web.app import build
from master.web.guard import Guard
from master.web.page import Page
from master.web.passes import Passes
from master.web.run_watch import RunWatch
from tests.unit.master.verbs import conftest as verbs

run = verbs.run
PASSES = Passes("u" * 43, "v" * 43)
HOST = "localhost:8642"
ORIGIN = {"Origin": f"http://{HOST}"}


@pytest.fixture
def watch(run: Path) -> Iterator[RunWatch]:
    found = RunWatch(RunLayout(run))
    yield found
    found.close()


@pytest.fixture
def app(watch: RunWatch) -> Guard:
    return build(Page(watch), partial(Guard, passes=PASSES))


@pytest.fixture
def stranger(app: Guard) -> Iterator[TestClient]:
    """Return a browser that knows no token."""
    with TestClient(app, base_url=f"http://{HOST}", follow_redirects=False) as client:
        yield client


@pytest.fixture
def visitor(stranger: TestClient) -> TestClient:
    """Return a browser that has opened the address."""
    assert stranger.get("/", params={"token": PASSES.user}).status_code == 303
    return stranger


@pytest.fixture
def viewer(stranger: TestClient) -> TestClient:
    """Return a browser that has opened the link that only shows."""
    assert stranger.get("/", params={"token": PASSES.viewer}).status_code == 303
    return stranger
