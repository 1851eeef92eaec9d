"""Messages are sent beside the run, which hears of trouble once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from master.notify import post
from master.notify.messages import Message
from master.notify.post import MOST_WAITING, Post, telling
from master.notify.sending import Known
from master.runs.notices import Ended, Notices, PeopleWanted
from master.specs import NotifySpec
from tests.support.scripted_run import ScriptedRun, jobs_spec

MESSAGE = Message("end", "title", "text")


def nothing() -> list[str]:
    return []


def posted(deliver: Callable[[Message], list[str]], count: int = 1, look: Callable[[], list[str]] = nothing):  # type: ignore[no-untyped-def]
    notes: list[str] = []
    sender = Post(deliver, look, notes.append)
    for _ in range(count):
        sender.send(MESSAGE)
    return sender.close(), notes


def test_what_is_sent_is_delivered_in_order_before_it_closes() -> None:
    seen: list[Message] = []
    said, notes = posted(lambda message: seen.append(message) or [], 3)  # type: ignore[func-returns-value]
    assert seen == [MESSAGE] * 3 and not said and not notes


def test_trouble_is_noted_once_and_summed_up_at_the_end() -> None:
    said, notes = posted(lambda message: ["address 1 (json) did not take it"], 2)
    assert notes == ["notify: address 1 (json) did not take it; the run goes on"]
    assert said == ["notify: 2 of 2 messages did not reach everybody: address 1 (json) did not take it"]


def test_a_file_that_holds_none_is_told_before_anything_is_sent() -> None:
    said, notes = posted(lambda message: [], 0, lambda: ["the file holds no address that apprise knows"])
    assert notes == ["notify: the file holds no address that apprise knows; the run goes on"]
    assert said == ["notify: the file holds no address that apprise knows"]


def test_no_error_reaches_the_run_and_its_words_are_not_shown() -> None:
    def fails(message: Message) -> list[str]:
        raise ValueError("json://me:s3cr3t@host")

    said, notes = posted(fails)
    assert notes == ["notify: sending failed: ValueError; the run goes on"]
    assert "s3cr3t" not in said[0]


def test_what_hangs_holds_up_neither_the_run_nor_its_end_for_long() -> None:
    go_on, began, notes = threading.Event(), threading.Event(), []

    def hangs(message: Message) -> list[str]:
        began.set()
        go_on.wait(60)
        return []

    sender = Post(hangs, nothing, notes.append)
    sender.send(MESSAGE)
    assert began.wait(20)
    for _ in range(MOST_WAITING + 2):
        sender.send(MESSAGE)
    assert notes == ["notify: too many messages wait; the run goes on"]
    (said,) = sender.close(wait_s=0.01)
    go_on.set()
    assert said.startswith(
        f"notify: {MOST_WAITING + 3} of {MOST_WAITING + 3} messages did not reach everybody"
    )
    assert "what was left at the end could not be sent in 0.01 s" in said


def test_nobody_is_told_where_that_is_not_asked_for(tmp_path: Path) -> None:
    with telling(None, tmp_path, print, print) as observers:
        notices = Notices(observers)
        assert list(notices._listeners) == [PeopleWanted], "nobody listens to what goes on"


def test_people_are_told_who_are_wanted_while_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = list[tuple[str | None, str]]()
    monkeypatch.setattr(post, "look", lambda spec: Known())
    monkeypatch.setattr(
        post, "deliver", lambda spec, message, place, s: sent.append((spec.addresses, message.event)) or []
    )
    files = [tmp_path / name for name in ("mine", "hers")]
    for file in files:
        file.touch(0o600)
    run, noted = ScriptedRun(jobs_spec(1, 0), ["w"]), list[str]()
    with telling(None, tmp_path, noted.append, noted.append) as observers:
        notices = Notices(observers)
        for wanted in (*files, tmp_path / "nobody's"):
            notices.tell(PeopleWanted(str(wanted)))
        notices.tell(Ended(run.state, 0))
    assert sent == [(str(files[1]), "end")], "the last file that can be read counts"
    (problem,) = noted
    assert problem.startswith("notify: ") and "nobody's: the addresses of" in problem


def test_what_went_wrong_is_said_when_the_run_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        post, "deliver", lambda spec, message, place, seconds: [f"not from {place.split()[0]}"]
    )
    said: list[str] = []
    with telling(NotifySpec(command=("true",)), tmp_path, said.append, said.append) as (teller,):
        teller._post.send(MESSAGE)  # type: ignore[attr-defined]
    assert said[-1] == f"notify: 1 of 1 messages did not reach everybody: not from {tmp_path}"
