"""What is new in a journal that its master writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.errors import ConfigError
from master.storage.journal import Journal
from master.storage.journal_following import JournalFollower


def moved(at: float, job_id: str = "a") -> Transition:
    return Transition(at, job_id, Trigger.ASSIGN, State.ASSIGNED, 1, "w1")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.sqlite", "the-run")) as journal:
        journal.append([moved(1.0)])
        yield journal


@pytest.fixture
def follower(journal: Journal, tmp_path: Path) -> Iterator[JournalFollower]:
    with closing(JournalFollower(tmp_path / "journal.sqlite")) as follower:
        yield follower


def test_only_what_is_new_is_told(journal: Journal, follower: JournalFollower) -> None:
    first = follower.news(0)
    assert first and [row[:3] for row in first.rows] == [(1, 1.0, "a")]
    assert follower.news(1) is None, "nothing has changed"
    journal.append([moved(2.0), moved(3.0, "b")])
    second = follower.news(1)
    assert second and [row[2] for row in second.rows] == ["a", "b"]
    assert len(follower.all_rows()) == 3


def test_what_the_writer_moves_between_its_files_is_told_once(
    journal: Journal, follower: JournalFollower, tmp_path: Path
) -> None:
    assert follower.news(0)
    journal.append([moved(2.0)])
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    news = follower.news(1)
    assert news and [row[0] for row in news.rows] == [2]
    journal.append([moved(3.0)])
    news = follower.news(2)
    assert news and [row[0] for row in news.rows] == [3]


def test_no_file_is_added_beside_it(journal: Journal, follower: JournalFollower, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    follower.news(0)
    with follower.snapshot() as snapshot:
        assert snapshot.run_id() == "the-run" and len(snapshot.history("a")) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_journal_is_told_and_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"no database at all, but long enough to be one" * 50)
    with closing(JournalFollower(path)) as follower:
        for _ in range(2):
            with pytest.raises(ConfigError, match="cannot be used as a journal"):
                follower.news(0)
