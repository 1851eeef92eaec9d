"""A journal that was damaged is told as such, or goes on with what is whole; nothing else is ever raised."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.errors import ConfigError, TwophaseError
from master.storage.journal import Journal
from master.storage.journal_reading import read_earlier_starts, read_fields, read_transitions

PLACES = {"-wal": 200, "": 40}
COUNT = 60


def transition(number: int) -> Transition:
    return Transition(1.0 * number, f"job{number % 7}", Trigger.ASSIGN, State.ASSIGNED, 1, "w1", "note")


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """Return the folder of a journal whose master died: most of it is in the write-ahead log."""
    made, left = tmp_path / "made" / "journal.sqlite", tmp_path / "left"
    with closing(Journal(made)) as journal:
        journal.new_epoch()
        journal.remember_jobs({f"h{n}": f"job{n}" for n in range(7)})
        for number in range(COUNT):
            journal.append([transition(number)])
        shutil.copytree(made.parent, left)
    return left


def used(path: Path) -> int:
    """Do all that a start does with a journal, and return how much it told."""
    read_earlier_starts(path)
    read_fields(path, "job1")
    told = len(read_transitions(path))
    with closing(Journal(path)) as journal:
        assert journal.run_id
        journal.new_epoch()
        journal.known_ids()
        assert len(list(journal.transitions())) == told
        journal.append([transition(0)])
        assert len(list(journal.transitions())) == told + 1
    return told


def damages(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield the journal with one of its files cut, or a byte of it flipped, at many places."""
    draw = random.Random(1)
    whole = (folder / f"journal.sqlite{suffix}").read_bytes()
    for number in range(PLACES[suffix]):
        place = draw.randrange(len(whole))
        data = bytearray(whole)
        data[place] ^= 1 << draw.randrange(8)
        copy = folder.with_name(f"copy{suffix}{number}")
        shutil.copytree(folder, copy)
        (copy / "journal.sqlite-shm").unlink(missing_ok=True)
        (copy / f"journal.sqlite{suffix}").write_bytes(bytes(data) if number % 2 else whole[:place])
        yield copy / "journal.sqlite"
        shutil.rmtree(copy)


@pytest.mark.parametrize("suffix", ["-wal", ""])
def test_it_goes_on_or_says_clearly_that_it_cannot(crashed: Path, suffix: str) -> None:
    went_on, refused = 0, 0
    for path in damages(crashed, suffix):
        try:
            assert used(path) <= COUNT
            went_on += 1
        except ConfigError as error:
            assert str(path) in str(error)
            refused += 1
    assert went_on + refused == PLACES[suffix] and went_on


def test_without_its_log_it_is_an_older_copy(crashed: Path) -> None:
    (crashed / "journal.sqlite-wal").unlink()
    (crashed / "journal.sqlite-shm").unlink(missing_ok=True)
    path = crashed / "journal.sqlite"
    assert used(path) < COUNT


def spoilt(crashed: Path, statement: str, *values: object) -> Path:
    path = crashed / "journal.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement, values)
    return path


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE transitions SET task_id = CAST(? AS TEXT) WHERE seq = 5", (b"\xff\xfe",)),
        ("UPDATE transitions SET note = CAST(? AS TEXT) WHERE seq = 5", (b"\xff",)),
        ("UPDATE transitions SET task_id = ? WHERE seq = 5", (b"bytes",)),
        ("UPDATE transitions SET at = ? WHERE seq = 5", ("never",)),
        ("UPDATE transitions SET attempt = ? WHERE seq = 5", ("one",)),
        ("UPDATE transitions SET state = ? WHERE seq = 5", ("elsewhere",)),
        ("UPDATE transitions SET detail = ? WHERE seq = 5", (b"\x00",)),
        ("UPDATE transitions SET detail = ? WHERE seq = 5", ("[]",)),
        ("UPDATE meta SET value = CAST(? AS TEXT) WHERE key = 'run_id'", (b"\xff",)),
        ("UPDATE meta SET value = ? WHERE key = 'epoch'", ("many",)),
        ("UPDATE jobs SET job_id = CAST(? AS TEXT) WHERE job_hash = 'h1'", (b"\xff",)),
        ("DROP TABLE jobs", ()),
        ("DROP TABLE transitions", ()),
    ],
)
def test_whatever_cannot_be_read_is_told_as_damage(
    crashed: Path, statement: str, values: tuple[object, ...]
) -> None:
    path = spoilt(crashed, statement, *values)
    try:
        used(path)
    except TwophaseError as error:
        assert "journal.sqlite" in str(error) and "put back a copy" in str(error)
    else:
        assert statement.startswith("DROP")
