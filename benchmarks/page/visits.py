"""What a visitor waits for: first paint and clicks in a real browser, by runs of two sizes in turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import twophase

CHROMIUM = "/usr/bin/chromium"
_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
_SETTLE_MS = 300
_CLICKS = Path(__file__).with_name("clicks.js").read_text().partition("\n")[2].strip()
_TIMED = f"""
async (what) => {{
  const [act, seen] = ({_CLICKS})[what], begin = performance.now();
  act();
  while (!seen()) {{
    if (performance.now() - begin > 30000) throw new Error(`never seen: ${{what}}`);
    await new Promise((next) => requestAnimationFrame(next));
  }}
  return performance.now() - begin;
}}"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_FIGURES = """performance.getEntriesByType('resource')
.find((each) => each.name.includes('overview')).responseEnd"""
_ROWS = "document.querySelectorAll('.row, tr, li').length"


@dataclass
class Times:
    """Of a run of one size, in milliseconds."""

    jobs: int
    seen: dict[str, list[float]] = field(default_factory=dict)
    most_rows: int = 0
    """In the page at a time."""

    def add(self, what: str, ms: float) -> None:
        """Take in a time."""
        self.seen.setdefault(what, []).append(ms)

    def medians(self) -> dict[str, float]:
        """Return the median of each."""
        return {what: round(median(times), 1) for what, times in self.seen.items()}


@contextmanager
def served(run: Path, *words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve a run's page; gives its address, and its process."""
    argv = [sys.executable, twophase.__file__, "web", "--run", str(run), "--json", "--port", "0", *words]
    page = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert page.stdout is not None
        yield json.loads(page.stdout.readline())["url"], page
    finally:
        page.terminate()
        page.communicate(timeout=30)


def visit(browser: Any, url: str, times: Times) -> None:
    """Open the page as for the first time, click through it, and add what was waited for."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector(".now h2")
        times.add("first paint", page.evaluate(_PAINT))
        times.add("first figures", page.evaluate(_FIGURES))
        for what in page.evaluate(f"Object.keys({_CLICKS})"):
            page.wait_for_timeout(_SETTLE_MS)
            times.add(what, page.evaluate(_TIMED, what))
            times.most_rows = max(times.most_rows, page.evaluate(_ROWS))
    finally:
        context.close()


def compare(urls: dict[int, str], rounds: int, say: Callable[[str], None]) -> list[Times]:
    """Visit runs of several sizes in turn; `urls` by their jobs.  The first visit of each is not counted."""
    from playwright.sync_api import sync_playwright

    found = [Times(jobs) for jobs in urls]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        for number in range(rounds + 1):
            for times in found:
                visit(browser, urls[times.jobs], times if number else Times(times.jobs))
            say(f"round {number} of {rounds}")
        browser.close()
    return found
