"""The end of a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.view.answers.log_text import harmless_lines, tail


@pytest.mark.parametrize("lines", [1, 3, 5000, 10_000])
def test_only_the_end_of_a_large_file_is_read(lines: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    written = [f"line {number:06d} {'x' * 40}\n" for number in range(8000)]
    path.write_text("".join(written))
    assert tail(path, lines) == ("".join(written[-lines:]).encode(), False)


def test_a_last_line_without_an_end_and_an_empty_log() -> None:
    assert harmless_lines(b"a\nb") == ["a", "b"]
    assert harmless_lines(b"") == []


def test_a_bar_that_is_drawn_over_and_over_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"begin\n" + b"\r".join(b"%d%%" % n for n in range(101)) + b"\nend\n")
    found, _ = tail(path, 2)
    assert harmless_lines(found) == ["100%", "end"]


def test_colours_stay_where_they_are_wanted_and_end_with_their_line() -> None:
    data = b"\x1b[31mred\nplain\x1b[2J\n"
    assert harmless_lines(data, colours=True) == ["\x1b[31mred\x1b[0m", "plain"]
    assert harmless_lines(data) == ["red", "plain"]


def test_an_empty_log_is_empty(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert tail(tmp_path / "log", 5) == (b"", False)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (tmp_path / "log").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        tail(tmp_path / "log", 5)


def test_what_turns_text_around_is_left_out() -> None:
    assert harmless_lines("a\u202eb\x1b[31mc".encode()) == ["abc"]
