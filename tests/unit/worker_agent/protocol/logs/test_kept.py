"""A log that was cut is read by the places at which it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.protocol.logs.kept import Part, cut_note, ended_log, is_far, last_lines, read, written

MIB = 1 << 20


def test_a_log_that_was_never_cut_is_one_part(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    parts = ended_log(str(path))
    assert parts == [Part(0, 8, str(path), 0)] and written(parts) == 8
    assert read(parts, 4, 100) == (4, b"two\n")
    assert read(parts, 4, 2) == (4, b"tw")
    assert read(parts, 8, 100) == (8, b"")


def test_after_what_was_cut_places_are_those_of_what_was_written(tmp_path: Path) -> None:
    path, head, tail = tmp_path / "log", b"h" * (MIB // 4 - 1) + b"\n", b"t" * 99 + b"\n"
    path.write_bytes(head + cut_note(5_000_000, MIB) + tail)
    parts = ended_log(str(path))
    assert written(parts) == len(head) + 5_000_000 + len(tail)
    assert read(parts, len(head) - 2, 100) == (len(head) - 2, b"h\n")
    assert read(parts, len(head), 10) == (len(head) + 5_000_000, b"t" * 10), "the gap is passed over"
    assert read(parts, len(head) + 77, 10) == (len(head) + 5_000_000, b"t" * 10)
    assert read(parts, len(head) + 5_000_099, 10) == (len(head) + 5_000_099, b"\n")


@pytest.mark.parametrize("at", [MIB - 40, MIB - 1, MIB, 2 * MIB - 30])
def test_the_note_is_found_wherever_blocks_end(at: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * at + cut_note(7, 4 * at) + b"end")
    assert written(ended_log(str(path))) == at + 7 + 3


def test_what_only_looks_like_a_note_is_the_jobs_own(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a job may write:" + cut_note(10**9, MIB) + b"or what it likes")
    assert ended_log(str(path)) == [Part(0, path.stat().st_size, str(path), 0)]


@pytest.mark.parametrize(
    ("text", "lines", "begins"),
    [
        (b"a\nb\nc\n", 1, 4),
        (b"a\nb\nc\n", 2, 2),
        (b"a\nb\nc", 1, 4),
        (b"a\nb\nc\n", 3, 0),
        (b"a\nb\nc\n", 99, 0),
        (b"a\n\n", 1, 2),
        (b"", 5, 0),
        (b"abc", 0, 3),
    ],
)
def test_the_last_lines_begin(text: bytes, lines: int, begins: int, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(text)
    assert last_lines(ended_log(str(path)), lines) == begins


def test_the_last_lines_of_what_was_cut_reach_over_the_gap(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n" + b"three\n")
    parts = [Part(0, 8, str(path), 0), Part(1008, 1014, str(path), 8)]
    assert [last_lines(parts, lines) for lines in (1, 2, 3, 4)] == [8, 4, 0, 0], "8: the gap is told"


def test_one_endless_line_is_shown_from_a_place_that_is_near(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (9 * MIB))
    parts = ended_log(str(path))
    assert last_lines(parts, 1) == MIB
    assert is_far(parts, MIB) and not is_far(parts, MIB + 1) and not is_far(parts, 0)
