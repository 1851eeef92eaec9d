"""Logs in pieces."""

from __future__ import annotations

import pytest

from master.web.logs.folding import MOST_LINES, Folding


def told(folding: Folding) -> tuple[bool, list[str], str]:
    found = folding.told()
    return found["fresh"], found["lines"], found["rest"]


def test_a_line_is_told_once_it_has_ended_and_as_it_is_meanwhile() -> None:
    folding = Folding()
    folding.feed(b"one\ntw")
    assert told(folding) == (True, ["one"], "tw")
    folding.feed(b"o\n")
    assert told(folding) == (False, ["two"], "")


@pytest.mark.parametrize("cut", range(1, 24))
def test_of_a_line_that_is_written_over_the_last_stays_wherever_it_is_cut(cut: int) -> None:
    data = "10 %\r55 %\r100 % ä\r\ndone\n".encode()
    folding = Folding()
    folding.feed(data[:cut])
    folding.feed(data[cut:])
    assert told(folding) == (True, ["100 % ä", "done"], "")


def test_of_a_bar_that_goes_on_its_state_now_is_told() -> None:
    folding = Folding()
    folding.feed(b"\r10 %\r55 %\r")
    assert told(folding)[2] == "55 %"


def test_nothing_that_a_page_could_take_for_more_than_text_is_left() -> None:
    folding = Folding()
    folding.feed("\x1b[31mred\x1b[0m \u202e\x07\udcff</script>\n".encode("utf-8", "surrogatepass"))
    (line,) = told(folding)[1]
    assert "\x1b" not in line and "\u202e" not in line and line.startswith("red ") and "</script>" in line


def test_what_is_more_than_is_shown_begins_anew() -> None:
    folding = Folding()
    folding.feed(b"first\n")
    told(folding)
    folding.feed(b"".join(b"%d\n" % number for number in range(3 * MOST_LINES)))
    is_fresh, lines, _ = told(folding)
    assert is_fresh and len(lines) == MOST_LINES and lines[-1] == str(3 * MOST_LINES - 1)


def test_a_line_without_end_is_bounded() -> None:
    folding = Folding()
    for _ in range(40):
        folding.feed(b"x" * 10_000)
    assert len(told(folding)[2]) == 1 << 16


def test_another_log_begins_anew() -> None:
    folding = Folding()
    folding.feed(b"old\nrest")
    told(folding)
    folding.begin()
    folding.feed(b"new\n")
    assert told(folding) == (True, ["new"], "")
