"""Visits to the page in a real browser, over a link that can be cut."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import twophase
from tests.integration.ssh_place import await_true
from tests.support.needs import missing
from tests.support.runs import ROOT

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-component-update"),
    *("--no-first-run", "--disable-sync", "--disable-gpu"),
]


@contextmanager
def served(run: Path, *words: str) -> Iterator[dict[str, Any]]:
    """Serve a run's page on a free port; gives what it printed."""
    argv = [sys.executable, twophase.__file__, "web", "--run", str(run), "--json", "--port", "0", *words]
    page = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert page.stdout is not None and page.stderr is not None
        line = page.stdout.readline()
        assert line, page.stderr.read()
        yield json.loads(line)
    finally:
        page.terminate()
        page.communicate(timeout=30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: pip install playwright")
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield found
        found.close()


class Visit:
    """A visitor who writes down whom the browser talks to, and what it complains of."""

    def __init__(self, browser: Any, url: str, **looks: Any) -> None:
        self.context = browser.new_context(**looks)
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        # Whatever a policy keeps from running is a defect of ours: it should not have come so far.
        self.page.add_init_script(
            "window.refused = []; document.addEventListener('securitypolicyviolation',"
            " (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI}`))"
        )
        self.url, self.hosts, self.problems = url.partition("?")[0], set[str](), list[str]()
        for kind in ("request", "websocket"):
            self.page.on(kind, lambda asked: self.hosts.add(urlsplit(asked.url).netloc))
        self.page.on(
            "console", lambda said: said.type in ("error", "warning") and self.problems.append(said.text)
        )
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.goto(url)
        self.page.wait_for_selector(".now h2")

    def go(self, screen: str) -> Any:
        """Open a screen once it shows something."""
        self.page.goto(f"{self.url}#{screen}")
        self.page.wait_for_selector(f"nav a[aria-current][href='#{screen.partition('?')[0]}']")
        await_true(
            lambda: self.page.evaluate("document.querySelector('#main > .screen')?.children.length > 0")
        )
        return self.page

    def check(self) -> None:
        """Assert that nothing ran, nobody else was asked, and the browser had nothing to complain of."""
        assert self.page.evaluate("window.ran") is None
        assert self.page.evaluate("window.refused") == []
        assert self.hosts == {urlsplit(self.url).netloc}
        assert self.problems == []
        self.context.close()


class Tunnel:
    """A port that leads to another, as `ssh -L` makes it: it may be cut, fall silent, or lead elsewhere."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open, self._closing = True, False
        self._silent = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._closing:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5) if self._open else None
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            far.settimeout(None)
            self._ends += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if not self._silent.is_set():
                    sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Break what goes through, and let nothing through."""
        self._open = False
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def hush(self) -> None:
        """Carry nothing that is open now any further, though both ends believe in it."""
        self._silent.set()

    def mend(self, target: int | None = None) -> None:
        """Let through again, perhaps to another port."""
        self.target = target or self.target
        self._silent.clear()
        self._open = True

    def close(self) -> None:
        """End it."""
        self._closing = True
        self._listener.close()
        self.cut()
