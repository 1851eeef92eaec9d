"""Who hears of what."""

from __future__ import annotations

import pytest

from master.runs.notices import Noted, Notices, Seen
from worker_agent.protocol.reports import Said


class Listener:
    """Hears of notes."""

    def __init__(self, name: str, heard: list[str], error: Exception | None = None) -> None:
        self.name, self.heard, self.error = name, heard, error

    def subscribe(self, notices: Notices) -> None:
        notices.listen(Noted, self.hear)

    def hear(self, noted: Noted) -> None:
        self.heard.append(f"{self.name}: {noted.text}")
        if self.error:
            raise self.error


def test_those_who_asked_hear_in_the_order_in_which_they_asked() -> None:
    heard: list[str] = []
    notices = Notices([Listener("a", heard), Listener("b", heard)])
    notices.tell(Noted("hello"))
    notices.tell(Seen("w1", "job", 1, Said()))
    assert heard == ["a: hello", "b: hello"]


def test_a_terminal_that_has_gone_is_nobody_elses_trouble() -> None:
    heard: list[str] = []
    notices = Notices([Listener("a", heard, BrokenPipeError()), Listener("b", heard)])
    notices.tell(Noted("hello"))
    assert heard == ["a: hello", "b: hello"]


def test_a_defect_of_a_listener_is_not_swallowed() -> None:
    notices = Notices([Listener("a", [], ValueError("defect"))])
    with pytest.raises(ValueError, match="defect"):
        notices.tell(Noted("hello"))
