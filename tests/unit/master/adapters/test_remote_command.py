"""Command lines for a login shell, and what comes before a command's own words."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.adapters.remote_command import ErrorStream, command_line, from_home_line, kill_line, quiet_line


def words_for_sh(line: bytes) -> list[str]:
    """Return the words of a command as `printf %b` and `eval` read them in the end."""
    written = shlex.split(line.decode())[5].encode()
    return shlex.split(re.sub(rb"\\0(\d{3})", lambda found: bytes([int(found[1], 8)]), written).decode())


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_every_argument_is_one_word_for_the_shell(argv: list[str]) -> None:
    assert words_for_sh(command_line(argv, "m")) == argv


@given(st.lists(st.text(), min_size=1))
def test_no_login_shell_finds_anything_of_its_own(argv: list[str]) -> None:
    line = command_line([word.encode(errors="replace").decode() for word in argv], "m")
    assert line.isascii() and not re.search(rb"[!\n]|\\\\", line)
    assert line.count(b"'") == 4


def test_bytes_that_are_no_text_pass() -> None:
    assert b"\\0377" in command_line(["cat", "\udcff"], "m")


def test_a_group_is_signalled_not_a_process() -> None:
    assert shlex.split(kill_line(42, "TERM").decode()) == ["/bin/sh", "-c", "kill -s TERM -- -42"]


def test_arguments_may_follow_a_program_that_starts_at_home() -> None:
    words = shlex.split(from_home_line("rsync") + " --server .")
    assert words == ["/bin/sh", "-c", 'cd; exec "$0" "$@"', "rsync", "--server", "."]


def collect(stream: ErrorStream, chunks: list[bytes]) -> bytes:
    return b"".join(map(stream.feed, chunks)) + stream.end()


@given(st.lists(st.integers(1, 40), max_size=6))
def test_the_group_is_taken_out_wherever_the_chunks_are_cut(sizes: list[int]) -> None:
    whole, chunks = b"motd\nmark 4711\nwarning: x\nmark 5\n", []
    for size in sizes:
        chunks.append(whole[:size])
        whole = whole[size:]
    stream = ErrorStream("mark")
    assert collect(stream, [*chunks, whole]) == b"motd\nwarning: x\nmark 5\n"
    assert stream.group == 4711


@pytest.mark.parametrize("said", [b"", b"no shell\n", b"mark 47"])
def test_without_an_announcement_nothing_is_lost(said: bytes) -> None:
    stream = ErrorStream("mark")
    assert collect(stream, [said]) == said
    assert stream.group is None


def test_noise_without_end_is_not_kept() -> None:
    stream = ErrorStream("mark")
    passed = sum(len(stream.feed(bytes(1 << 16))) for _ in range(100))
    assert passed + len(stream.end()) == 100 << 16 and passed > 80 << 16
    assert stream.group is None


def test_where_the_group_cannot_be_told_there_is_none() -> None:
    stream = ErrorStream("mark")
    assert collect(stream, [b"mark \n", b"x"]) == b"x"
    assert stream.group is None


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_a_quiet_line_carries_every_argument_too(argv: list[str]) -> None:
    line = quiet_line(argv)
    written = shlex.split(line.decode())[4].encode()
    assert (
        shlex.split(re.sub(rb"\\0(\d{3})", lambda found: bytes([int(found[1], 8)]), written).decode()) == argv
    )
    assert not re.search(rb"[!\n]|\\\\", line)
