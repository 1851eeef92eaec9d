"""The routes of the page, over a run that no master works on."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from master.storage.run_layout import RunLayout
from master.web.app import STATIC
from tests.unit.master.web.conftest import ORIGIN, PASSES

JOB = "alpha/lr=0.1"


def test_the_page_comes_with_all_that_it_names(visitor: TestClient) -> None:
    page = visitor.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for path in ("main.js", "page.css", "icon.svg", "vendor/uplot.js", "vendor/uplot.css"):
        assert f"/static/{path}" in page.text and visitor.get(f"/static/{path}").status_code == 200
    assert visitor.get("/static/../app.py").status_code == 404


def test_the_overview(visitor: TestClient) -> None:
    told = visitor.get("/api/overview").json()
    assert (told["run_id"], told["has_master"], told["verbs"]) == ("the-run", False, [])
    assert told["failures"][0]["count"] == 1 and "no master works" in told["needs"][0]["says"]


def test_a_page_of_jobs(visitor: TestClient) -> None:
    told = visitor.get("/api/jobs", params={"state": "failed,running", "limit": 1, "offset": 1}).json()
    assert (told["matching"], told["total"], [row["id"] for row in told["rows"]]) == (2, 5, ["alpha/plain"])


def test_one_job_and_its_log(visitor: TestClient) -> None:
    assert visitor.get("/api/job", params={"id": JOB}).json()["job_id"] == JOB
    assert visitor.get("/api/log", params={"id": JOB}).json()["says"] == "there is no log of it here"


def test_the_time_line_from_the_first_start_to_now(visitor: TestClient) -> None:
    told = visitor.get("/api/timeline").json()
    assert (told["since"], told["begin"], told["lanes"]) == (5.0, 5.0, 1)
    failed, runs = told["rows"][0]["pieces"]
    assert failed == [5.0, 7.0, "failed", JOB, 1] and runs[1:4] == [None, "running", "alpha/plain"]
    part = visitor.get("/api/timeline", params={"since": 6, "until": 6, "steps": 10}).json()
    assert part["until"] > part["since"] == 6 and len(part["rows"][0]["pieces"]) == 1


def test_prometheus_reads_with_a_token_and_gets_text(stranger: TestClient) -> None:
    assert stranger.get("/metrics").status_code == 401
    told = stranger.get("/metrics", headers={"Authorization": f"Bearer {PASSES.viewer}"})
    assert told.headers["content-type"].startswith("text/plain; version=") and "twophase_jobs" in told.text


def test_the_journal_the_latest_first(visitor: TestClient) -> None:
    first, second = visitor.get("/api/journal", params={"limit": 2}).json()["lines"]
    assert (first["seq"], first["job"], first["state"], second["seq"]) == (8, "alpha/plain", "running", 7)
    earlier = visitor.get("/api/journal", params={"before": 7, "limit": 1}).json()["lines"]
    assert earlier[0]["note"] == "out of luck" and earlier[0]["job"] == JOB


def test_the_curves_of_a_job(visitor: TestClient, run: Path) -> None:
    assert visitor.get("/api/curves", params={"id": JOB}).json()["curves"] == []
    log = RunLayout(run).result(JOB) / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text("epoch,loss</script>\n0,0.5\n1,inf\n2,0.25\n")
    told = visitor.get("/api/curves", params={"id": JOB}).json()
    assert told["curves"] == [{"name": "loss</script>", "x": [1.0, 2.0, 3.0], "y": [0.5, None, 0.25]}]
    assert (told["over"], told["in_all"], told["says"]) == ("value", 1, "")


def test_base_models_and_results(visitor: TestClient) -> None:
    assert len(visitor.get("/api/base-models").json()["base_models"]) == 2
    assert visitor.get("/api/results").json()["metrics"] == []


def test_changes_for_who_has_no_websocket(visitor: TestClient) -> None:
    told = visitor.get("/api/changes", params={"since": 5, "watch": [JOB, "alpha/lr=0.01"]}).json()
    assert [row["id"] for row in told["rows"]] == [JOB] and not told["reload"] and not told["has_master"]
    assert visitor.get("/api/changes", params={"since": 10**9}).json()["reload"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/job?id=none", 404, "no job `none` in this run"),
        ("/api/log?id=..%2F..%2Fetc%2Fpasswd", 404, "no job"),
        ("/api/log?id=alpha%2Fplain&attempt=0", 422, "query.attempt"),
        ("/api/jobs?state=nonsense", 400, "state: `nonsense` is none"),
        ("/api/jobs?limit=201", 422, "query.limit"),
        ("/api/jobs?sort=size", 422, "query.sort"),
        ("/api/jobs?nonsense=1", 422, "query.nonsense"),
        ("/api/timeline?since=inf", 422, "query.since"),
        ("/api/timeline?until=nan", 422, "query.until"),
        ("/api/timeline?steps=801", 422, "query.steps"),
        ("/api/journal?limit=0", 422, "query.limit"),
        ("/api/journal?before=-1", 422, "query.before"),
        ("/api/changes?since=-1", 422, "query.since"),
        ("/api/results?by=acc", 400, "by: no job left a metric `acc`"),
        ("/api/none", 404, "Not Found"),
        ("/docs", 404, "Not Found"),
        ("/openapi.json", 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_told_in_one_form(path: str, status: int, says: str, visitor: TestClient) -> None:
    told = visitor.get(path)
    assert told.status_code == status and says in told.json()["error"]


@pytest.mark.parametrize(
    ("verb", "body", "status", "says"),
    [
        ("nonsense", {"order": {}}, 404, "no order `nonsense`"),
        ("add-worker", {"order": {}}, 404, "no order `add-worker`"),
        ("cancel", [], 400, "an order is an object"),
        ("cancel", {"order": {}, "more": 1}, 400, "an order is an object"),
        ("cancel", {"order": [], "why": ""}, 400, "an order has an object as order"),
        ("cancel", {"order": {}, "why": "x" * 501}, 400, "why: more than 500 characters"),
        ("cancel", {"order": {"matching": {"x": ""}}}, 400, "matching: an object"),
        ("cancel", {"order": {"matching": {"q": 1}}}, 400, "matching: q, state and base are text"),
        ("cancel", {"order": {"jobs": [JOB]}}, 409, "no master is running on this run"),
    ],
)
def test_an_order_that_cannot_be_given(
    verb: str, body: Any, status: int, says: str, visitor: TestClient
) -> None:
    told = visitor.post(f"/api/orders/{verb}", json=body, headers=ORIGIN)
    assert told.status_code == status and says in told.json()["error"]


def test_an_order_that_is_no_json(visitor: TestClient) -> None:
    headers = {**ORIGIN, "Content-Type": "application/json"}
    told = visitor.post("/api/orders/cancel", content=b"{", headers=headers)
    assert told.status_code == 400 and "the body is no JSON" in told.json()["error"]


def test_no_module_takes_html_and_the_page_is_small() -> None:
    sources = {path.name: path.read_text() for path in STATIC.glob("*.*")}
    assert sum(text.count("\n") for text in sources.values()) <= 1500
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"):
        assert not [name for name, text in sources.items() if word in text], word


def test_jobs_are_added_where_a_master_works_alone(visitor: TestClient) -> None:
    asked = {"jobs": [{"latent_dim": 8}], "trainer": "sae"}
    told = visitor.post("/api/jobs", json=asked, headers=ORIGIN)
    assert told.status_code == 409 and "no master is running" in told.json()["error"]
    wrong = visitor.post("/api/jobs", json={**asked, "script": "/x.py"}, headers=ORIGIN)
    assert wrong.status_code == 422 and "--scripts DIR" in wrong.json()["error"]


@pytest.mark.parametrize("path", ["/api/jobs", "/api/orders/cancel"])
def test_a_body_of_nothing_but_brackets_is_no_defect(visitor: TestClient, path: str) -> None:
    told = visitor.post(path, content=b"[" * 100_000, headers={**ORIGIN, "Content-Type": "application/json"})
    assert told.status_code in (400, 422) and "the body is no JSON" in told.json()["error"]


def test_many_who_wait_for_a_master_hold_up_nobody(visitor: TestClient) -> None:
    together = threading.Barrier(65)

    async def wait_together() -> None:
        await asyncio.gather(*(asyncio.to_thread(together.wait, 20.0) for _ in range(65)))

    assert visitor.portal is not None
    visitor.portal.call(wait_together)
    assert not together.broken


def test_a_filter_of_ever_so_many_words_is_refused(visitor: TestClient) -> None:
    told = visitor.get("/api/jobs", params={"q": " ".join(map(str, range(100)))})
    assert (told.status_code, told.json()["error"][:14]) == (400, "q: 100 words, ")
