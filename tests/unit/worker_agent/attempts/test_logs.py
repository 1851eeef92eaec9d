"""Logs stay within their limit, with beginning and end, wherever they lie and however they grow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.attempt_paths import paths_of
from worker_agent.attempts.logs import Log, LogLimiter
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.system.punch_hole import punch_hole

LIMIT = 1 << 20
NOTE = re.compile(rb"\n--- ([\d,]+) bytes cut: the log is larger than 1,048,576 bytes ---\n")


def no_holes(descriptor: int, start: int, end: int) -> bool:
    """Stand for a file system that knows no holes."""
    return False


class Job:
    """Writes numbered lines of 16 bytes."""

    def __init__(self, root: Path) -> None:
        self.attempt = AttemptLayout(root)
        paths_of(self.attempt).log.parent.mkdir(parents=True)
        paths_of(self.attempt).log.touch()
        self.lines = 0

    def write(self, lines: int) -> None:
        with paths_of(self.attempt).log.open("ab") as stream:
            stream.writelines(b"%015d\n" % number for number in range(self.lines, self.lines + lines))
        self.lines += lines

    def on_disk(self) -> int:
        return sum(
            path.stat().st_blocks * 512 for path in paths_of(self.attempt).root.rglob("*") if path.is_file()
        )

    def check_ends(self) -> None:
        """Assert that the log is a beginning and an end of what was written, and says what lies between."""
        text = paths_of(self.attempt).log.read_bytes()
        written = self.lines * 16
        assert len(text) <= LIMIT
        note = NOTE.search(text)
        if written <= LIMIT and note is None:
            assert text == b"".join(b"%015d\n" % number for number in range(self.lines))
            return
        assert note
        head, tail = text[: note.start()], text[note.end() :]
        assert [int(line) for line in head.split()] == list(range(len(head) // 16))
        kept = [int(line) for line in tail.split()]
        assert kept == list(range(self.lines - len(kept), self.lines))
        assert int(note[1].replace(b",", b"")) == written - len(head) - len(tail)
        assert len(head) >= LIMIT // 4 - 16 and len(tail) >= LIMIT // 4 - 16
        assert sorted(path.name for path in paths_of(self.attempt).root.iterdir()) == ["log"]


@pytest.mark.parametrize("punch", [punch_hole, no_holes])
@pytest.mark.parametrize(
    "bursts", [[], [10], [65_536], [65_537], [70_000] * 20, [1_000_000], [30_000] * 40 + [3]]
)
def test_a_log_keeps_its_ends(tmp_path: Path, punch: object, bursts: list[int]) -> None:
    job = Job(tmp_path / "attempt")
    log = Log(job.attempt, LIMIT, punch)  # type: ignore[arg-type]
    for lines in bursts:
        job.write(lines)
        log.bound()
        assert job.on_disk() <= LIMIT + 8192
    log.settle()
    log.bound()
    job.check_ends()


@given(st.lists(st.integers(0, 40_000), max_size=12), st.booleans())
def test_a_log_keeps_its_ends_however_it_grows(
    tmp_path_factory: pytest.TempPathFactory, bursts: list[int], holes: bool
) -> None:
    job = Job(tmp_path_factory.mktemp("x") / "attempt")
    log = Log(job.attempt, LIMIT, punch_hole if holes else no_holes)
    for lines in bursts:
        job.write(lines)
        log.bound()
    log.settle()
    job.check_ends()
    assert job.on_disk() <= LIMIT + 8192


def test_lines_longer_than_any_cut_are_cut_anyway(tmp_path: Path) -> None:
    job = Job(tmp_path / "attempt")
    paths_of(job.attempt).log.write_bytes(b"x" * (3 * LIMIT))
    Log(job.attempt, LIMIT).settle()
    text = paths_of(job.attempt).log.read_bytes()
    assert len(text) <= LIMIT and NOTE.search(text) and text.count(b"x") == LIMIT // 4 + LIMIT // 2


def test_a_log_that_nobody_made_is_no_problem(tmp_path: Path) -> None:
    Log(AttemptLayout(tmp_path), LIMIT).settle()
    assert list(tmp_path.iterdir()) == []


def test_the_keeper_says_once_that_a_log_cannot_be_bounded(tmp_path: Path) -> None:
    said: list[str] = []
    keeper = LogLimiter(said.append)
    job = Job(tmp_path / "attempt")
    job.write(100_000)
    paths_of(job.attempt).log_head.with_name("log.head.new").mkdir()
    log = Log(job.attempt, LIMIT, no_holes)
    assert not keeper._bound(("a", 1), log) and not keeper._bound(("a", 1), log)
    (line,) = said
    assert line.startswith("the log of a.1 cannot be kept within its limit:") and "log.head.new" in line
    keeper.close()
