"""What running attempts say of themselves."""

from __future__ import annotations

import pytest

from worker_agent.attempts.progress import last_json, last_line
from worker_agent.protocol import messages as msg
from worker_agent.protocol.reports import Progress, Said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo\n", "two"),
        ("one\n\n  \n", "one"),
        ("10%\r50%\r99%", "99%"),
        ("10%\r99%\r\n", "99%"),
        ("\x1b[32mgreen\x1b[0m\x07", "green"),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_the_last_line_is_what_a_terminal_shows(text: str, line: str) -> None:
    assert last_line(text) == line


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"epoch": 1}\n{"epoch": 2}\n', {"epoch": 2}),
        ('{"epoch": 1}\n{"epo', {"epoch": 1}),
        ('och": 0}\n{"epoch": 1}\nnoise\n[1]\n', {"epoch": 1}),
        ("noise\n", {}),
        (
            '{"loss": NaN, "a": -Infinity, "b": 1e999, "c": 1.5}\n',
            {"loss": None, "a": None, "b": None, "c": 1.5},
        ),
        (f'{{"a": {"9" * 30}, "b": {"9" * 999}, "c": -7}}\n', {"a": 1e30, "b": None, "c": -7}),
        ("", {}),
    ],
)
def test_the_last_whole_progress_line_counts(text: str, body: dict[str, object]) -> None:
    assert last_json(text) == body


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 999, "9" * 18, "-1e300", "0.5"])
def test_whatever_a_script_writes_can_be_told(number: str) -> None:
    body = last_json(f'{{"epoch": {number}, "epochs": {number}, "metrics": {{"loss": {number}}}}}\n')
    progress = Progress("a", 1, Said.from_object(body))
    assert msg.decode(msg.encode(progress)) == progress
