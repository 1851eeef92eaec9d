"""Text that a terminal cannot be told anything by."""

from __future__ import annotations

import pytest

from master.core.harmless import brief, clean, last_line


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("a\rb\nc\td\x00e\x9bf", "a b c d e f"),
        ("half \udc80 character", "half   character"),
        ("Grüße, 日本語 [red]", "Grüße, 日本語 [red]"),
    ],
)
def test_text_from_elsewhere_is_harmless(raw: str, text: str) -> None:
    assert clean(raw) == text


def test_the_last_line_is_the_last_that_says_something() -> None:
    assert last_line("Traceback\nValueError: no data\n\n \x1b[0m\n") == "ValueError: no data"
    assert last_line("") == ""


def test_a_last_line_that_goes_on_and_on_is_cut() -> None:
    assert last_line("x" * 501) == "x" * 500 + "…"
    assert last_line("x" * 500) == "x" * 500


def test_what_is_long_is_cut() -> None:
    assert brief("\x1b[2Ja\n\n  b\r\n") == "a; b" and brief("x" * 1000) == "x" * 1000
    assert brief("x" * 10**6) == "x" * 1000 + "…"
