"""A week of a page that is left open, in a minute: it shows the truth again by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from master.core.running.lifecycle import State, Trigger
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.web.model import MOST_CHANGES
from tests.integration import page_visits
from tests.integration.page_visits import Tunnel, Visit, served
from tests.integration.ssh_place import await_true
from tests.unit.master.verbs import conftest as verbs
from tests.unit.master.verbs.conftest import moved

browser = page_visits.browser
pytestmark = pytest.mark.slow
JOB = "alpha/plain"
ROW = f".row[data-id='{JOB}'] .state"
BACK_S = 25.0
"""In which the page shows the truth again."""
WEEK_S = 7 * 86_400


class Week:
    """A visitor behind a tunnel, and a run that goes on meanwhile."""

    def __init__(self, browser: Any, run: Path, url: str) -> None:
        told = urlsplit(url)
        assert told.port is not None
        self.run, self.journal, self.port = run, RunLayout(run).journal, told.port
        self.tunnel = Tunnel(told.port)
        self.near = f"http://localhost:{self.tunnel.port}/?{told.query}"
        self.visit = Visit(browser, self.near)
        self.page = self.visit.go("jobs")

    def shows(self, state: str) -> None:
        """Wait until the page says where the job stands."""
        self.page.wait_for_selector(f"{ROW}.{state}", timeout=BACK_S * 1000)

    def goes_on(self, *states: State, at: float = 100.0) -> None:
        """Let the journal tell more of the job."""
        with closing(Journal(self.journal)) as journal:
            journal.append([moved(at, JOB, Trigger.RETRY, state) for state in states])

    def says(self, words: str) -> None:
        """Wait until the page says how it hears of the run."""
        self.page.locator("#status", has_text=words).wait_for(timeout=BACK_S * 1000)


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    run = verbs.written(tmp_path_factory.mktemp("week"))
    with served(run) as told:
        week = Week(browser, run, told["url"])
        yield week
        week.visit.context.close()
        week.tunnel.close()


@pytest.fixture
def week(opened: Week) -> Week:
    """Return a visitor who sees that the job runs."""
    opened.goes_on(State.RUNNING)
    opened.shows("running")
    opened.says("live")
    return opened


def test_a_link_that_is_cut_is_told_and_comes_back(week: Week) -> None:
    week.tunnel.cut()
    week.says("no connection")
    week.goes_on(State.FAILED)
    week.tunnel.mend()
    week.shows("failed")
    week.says("live")


def test_who_was_away_for_longer_than_is_remembered_begins_anew(week: Week) -> None:
    week.tunnel.cut()
    week.says("no connection")
    week.goes_on(*[State.READY, State.RUNNING] * (MOST_CHANGES // 2 + 100), State.CANCELLED)
    week.tunnel.mend()
    week.shows("cancelled")
    week.page.locator(".summary", has_text="5 of 5 jobs").wait_for(timeout=BACK_S * 1000)


def test_a_page_that_was_started_again_elsewhere_is_the_same_to_its_visitors(week: Week) -> None:
    with served(week.run) as other:
        week.tunnel.cut()
        week.goes_on(State.FAILED)
        week.tunnel.mend(urlsplit(other["url"]).port)
        week.shows("failed")
        week.says("live")
        week.tunnel.cut()
    week.tunnel.mend(week.port)


def test_a_tab_that_slept_for_a_week_wakes_up_to_the_truth(browser: Any, week: Week) -> None:
    """Its timers stood still, its link is silent and says nothing of it, and its clock has jumped."""
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    page.goto(week.near)
    page.wait_for_selector(".now h2")
    page.goto(f"{week.near.partition('?')[0]}#jobs")
    page.wait_for_selector(f"{ROW}.running")
    week.tunnel.hush()
    week.goes_on(State.FAILED)
    page.clock.fast_forward(WEEK_S * 1000)
    week.tunnel.mend()
    await_true(lambda: _soon(page, f"{ROW}.failed"))
    context.close()
    week.tunnel.cut()
    week.tunnel.mend()


def test_clocks_that_jump_back_and_forth_change_nothing(week: Week) -> None:
    now = time.time()
    for jump, state in ((-WEEK_S, State.FAILED), (WEEK_S, State.READY)):
        week.page.evaluate(f"(() => {{ const real = Date.now; Date.now = () => real() + {jump * 1000}; }})()")
        week.goes_on(state, at=now + jump)
        week.shows(state.value)
    week.page.locator("nav a", has_text="Time line").click()
    week.page.locator("td", has_text="retry").first.wait_for()
    assert "1 slots" in week.page.locator("canvas").get_attribute("aria-label")


def _soon(page: Any, selector: str) -> bool:
    """Let the page's clock go on, and tell whether it shows something."""
    page.clock.run_for(2000)
    time.sleep(0.2)
    return bool(page.locator(selector).count())
