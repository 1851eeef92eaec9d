"""The page beside a run.  The real one: tests/integration/test_web.py."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import pytest

from master.web.beside import page_beside


class Page:
    """A process as far as it is looked at."""

    def __init__(self, out: str, err: str = "", *, hangs: bool = False) -> None:
        self.stdin, self.stdout, self.stderr = io.StringIO(), io.StringIO(out), io.StringIO(err)
        self.hangs, self.killed = hangs, False

    def wait(self, timeout: float | None = None) -> int:
        if self.hangs and not self.killed:
            raise TimeoutExpired("page", timeout or 0.0)
        return 0

    def kill(self) -> None:
        self.killed = True


def notes_of(page: Page, port: int | None = 7) -> tuple[list[str], list[Sequence[str]]]:
    notes: list[str] = []
    words: list[Sequence[str]] = []

    def start(argv: Sequence[str]) -> Any:
        words.append(argv)
        return page

    with page_beside(Path("run"), port, notes.append, start, roots=[Path("acts")]):
        pass
    return notes, words


def test_the_user_is_told_where_it_is_and_it_ends_with_its_input() -> None:
    page = Page('{"url": "http://localhost:7/?token=t", "ssh": "ssh -L"}\n')
    notes, words = notes_of(page)
    assert notes == ["the page: http://localhost:7/?token=t  (from another machine, first: ssh -L)"]
    assert words == [["--run", "run", "--port", "7", "--json", "--until-input-ends", "--data-root", "acts"]]
    assert page.stdin.closed and not page.killed


@pytest.mark.parametrize(("err", "says"), [("--port 7 is in use", "7 is in use"), ("", "ended at once")])
def test_a_page_that_cannot_be_served_is_a_note(err: str, says: str) -> None:
    (note,), _ = notes_of(Page("", err))
    assert note.startswith("no page is served, the run goes on without: ") and says in note


def test_one_that_does_not_end_is_ended() -> None:
    page = Page("", hangs=True)
    notes_of(page)
    assert page.killed


def test_nobody_who_does_not_ask_for_one_gets_one() -> None:
    assert notes_of(Page(""), port=None) == ([], [])


def test_the_folders_of_scripts_are_handed_on() -> None:
    words: list[list[str]] = []

    def start(given: Any) -> Any:
        words.append(list(given))
        return Page("")

    with page_beside(Path("run"), 7, lambda note: None, start, scripts=[Path("/lab"), Path("/x")]):
        pass
    assert words[0][-4:] == ["--scripts", "/lab", "--scripts", "/x"]
