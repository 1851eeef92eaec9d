"""What the routes answer where a master works."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from master.core.running.orders.order import ORDERS
from master.errors import NoMaster
from master.runs.control import client, order_parts
from master.web import page as module
from master.web.page import Page, wished
from master.web.run_watch import RunWatch


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let a master take orders; what it is told is written down."""
    found: list[Any] = []

    def order(layout: object, verb: str, fields: Any, why: str, *, dry_run: bool) -> dict[str, Any]:
        found.append((verb, dict(fields), why, dry_run))
        done = [{"name": each, "says": "was running"} for each in fields["jobs"]]
        return {"done": done, "refused": [], "notes": []}

    monkeypatch.setattr(client, "order", order)
    return found


def test_an_order_on_all_that_fits_a_filter_names_the_jobs(watch: RunWatch, given: list[Any]) -> None:
    asked = {"order": {"matching": {"q": "lr=0.1", "state": ""}}, "why": "slow", "dry_run": True}
    told = asyncio.run(Page(watch).order("cancel", asked))
    only: list[str] = []
    assert given == [("cancel", {"jobs": ["alpha/lr=0.1", "alpha/plain"], "only": only}, "slow", True)]
    assert [each["name"] for each in told["done"]] == ["alpha/lr=0.1", "alpha/plain"] and told["dry_run"]


def test_an_order_on_jobs_in_some_states_leaves_those_alone_that_have_gone_on(
    watch: RunWatch, given: list[Any]
) -> None:
    asked = {"order": {"matching": {"q": "lr=0.1", "state": "failed,running"}}}
    asyncio.run(Page(watch).order("cancel", asked))
    assert given[0][1]["only"] == ["failed", "running"]


def test_what_was_done_is_told_though_the_master_went_meanwhile(
    watch: RunWatch, given: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> dict[str, Any]:
        if given:
            raise NoMaster("no master is running on this run")
        given.append(1)
        return {"done": [{"name": "a", "says": "was running"}], "refused": [], "notes": []}

    monkeypatch.setattr(order_parts, "MOST_NAMES", 1)
    monkeypatch.setattr(client, "order", gone)
    told = asyncio.run(Page(watch).order("cancel", {"order": {"jobs": ["a", "b"]}}))
    assert [each["name"] for each in told["done"]] == ["a"]
    says = "is not known to be done: no master is running on this run"
    assert told["refused"] == [{"name": "b", "says": says}]


def test_many_jobs_are_told_in_parts(
    watch: RunWatch, given: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_parts, "MOST_NAMES", 2)
    told = asyncio.run(Page(watch).order("cancel", {"order": {"jobs": list("abc"), "only": ["ready"]}}))
    assert [fields for _, fields, *_ in given] == [
        {"jobs": ["a", "b"], "only": ["ready"]},
        {"jobs": ["c"], "only": ["ready"]},
    ]
    assert len(told["done"]) == 3


def test_a_running_master_is_asked_why_jobs_are_given_to_no_worker(
    watch: RunWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.master.machines = {"at": 0.0, "stopping": False, "halted": "", "idle": None, "workers": []}
    watch.model.take([(99, 99.0, "alpha/lr=0.01", "unlock", "ready", 0, None, "", None, "")])
    page = Page(watch)
    asked: list[Any] = []
    monkeypatch.setattr(page._causes, "learn", lambda jobs: asked.extend(jobs))
    monkeypatch.setattr(watch.master, "ask_machines", lambda: None)
    asyncio.run(page.jobs(wished("", "", "", "state", False), 0, 10))
    assert asked == [("alpha/lr=0.01", 99.0)]
    told = asyncio.run(page.overview())
    assert set(told["verbs"]) <= set(ORDERS) and told["has_master"]


def test_scrolling_through_a_list_does_not_make_it_again(
    watch: RunWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, made = Page(watch), list[int]()
    monkeypatch.setattr(module, "selected", lambda model, wish: made.append(model.seq) or list(model.jobs))
    wish = wished("", "", "", "state", False)
    for offset in (0, 2, 4):
        asyncio.run(page.jobs(wish, offset, 2))
    watch.model.take([(99, 99.0, "alpha/plain", "fail", "failed", 1, None, "", None, "")])
    told = asyncio.run(page.jobs(wish, 0, 2))
    assert made == [8, 99] and told["rows"][0]["id"] == next(iter(watch.model.jobs))
