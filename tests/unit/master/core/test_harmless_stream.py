"""A log that goes on shows what it says and does nothing to the terminal, however it is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.harmless_stream import REWRITE, HarmlessStream

HOSTILE = "a\x1b[31mred\x1b[0m \x1b]0;title\x07b\u202ec\x9b2Jd\x00\x08e\tf\n".encode() + b"bad \xff\r\n"


def shown(*pieces: bytes, rewrite: str = "<") -> str:
    stream = HarmlessStream(rewrite)
    return "".join([*(stream.feed(piece) for piece in pieces), stream.end()])


def test_what_a_terminal_obeys_is_left_out() -> None:
    assert shown(HOSTILE) == "ared bc2Jde\tf\nbad \ufffd\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_do_not_matter(size: int) -> None:
    pieces = [HOSTILE[start : start + size] for start in range(0, len(HOSTILE), size)]
    assert shown(*pieces) == shown(HOSTILE)


def test_a_line_that_is_written_over_is_emptied_first() -> None:
    assert shown(b" 10%\r 20%\r\n", b"done\r\r\n", rewrite=REWRITE) == f" 10%{REWRITE} 20%\ndone\n"


def test_what_is_said_so_far_is_shown_at_once() -> None:
    stream = HarmlessStream()
    assert stream.feed(b"epoch 1: ") == "epoch 1: "
    assert stream.feed("ü".encode()[:1]) == "" and stream.feed("ü".encode()[1:]) == "ü"


def test_half_an_escape_is_not_waited_for_without_end() -> None:
    stream = HarmlessStream()
    stream.feed(b"\x1b]0;" + b"x" * 1000)
    assert stream.feed(b"next\n") == "next\n"


@given(st.binary(max_size=200), st.integers(0, 200))
def test_whatever_comes_nothing_is_obeyed(data: bytes, at: int) -> None:
    text = shown(data[:at], data[at:])
    assert all(char.isprintable() or char in "\n\t" for char in text)


@pytest.mark.parametrize("code", ["", "0", "1;31", "38;5;208", "48;2;1;20;255", "97;44", "22"])
def test_colours_stay_where_they_are_wanted(code: str) -> None:
    stream = HarmlessStream("<", colours=True)
    pieces = f"a\x1b[{code}mb".encode()
    assert stream.feed(pieces[:4]) + stream.feed(pieces[4:]) + stream.end() == f"a\x1b[{code}mb"
    assert shown(pieces) == "ab"


@pytest.mark.parametrize("code", ["8", "5", "1;8", "38;5", "2J", "31;1H", ";".join("1" * 40) + "m", "999m"])
def test_what_hides_text_or_moves_it_is_no_colour(code: str) -> None:
    ends = "" if code[-1].isalpha() else "m"
    stream = HarmlessStream("<", colours=True)
    assert stream.feed(f"a\x1b[{code}{ends}b".encode()) + stream.end() == "ab"
