"""A journal with other bytes in it goes on, or is refused by ConfigError; there is no other error."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.errors import TwophaseError
from master.storage.journal import Journal
from master.storage.journal_reading import read_earlier_starts, read_fields, read_transitions
from tests.fuzz.examples import tried
from tests.fuzz.from_types import altered, as_bytes, bodies
from tests.fuzz.mutations import mutated
from tests.support.endings import finished
from worker_agent.protocol.outcome import Finished

Files = dict[str, bytes]
"""By their suffixes."""


def fill(journal: Journal) -> None:
    journal.new_epoch()
    journal.remember_jobs({"hash0": "alpha/job0", "hash1": "alpha/job1"}, {"hash0": {"lr": 0.1}})
    journal.remember_code({"digest": "d", "at": 1.0})
    for number in range(30):
        end = finished("failed", error="no", stderr_tail="x" * 200)
        made = Transition(float(number), "alpha/job0", Trigger.FAIL, State.READY, number, "lab1", "", end)
        journal.append([made])


@lru_cache(maxsize=1)
def sound() -> tuple[Files, Files]:
    """Return a journal whose master was killed, in two files, and one that was closed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        journal = Journal(path)
        fill(journal)
        open_ = {suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-wal")}
        journal.close()
        return open_, {"": path.read_bytes()}


def use(path: Path) -> None:
    """Do all that is ever done with a journal."""
    for read in (read_earlier_starts, read_transitions, lambda path: read_fields(path, "alpha/job0")):
        _taken_or_refused(lambda read=read: read(path))  # type: ignore[misc]
    _taken_or_refused(lambda: _go_on(path))


def _go_on(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert isinstance(journal.run_id, str)
        journal.new_epoch()
        journal.known_ids()
        journal.remember_code({"digest": "e", "at": 2.0})
        journal.remember_jobs({"hash2": "alpha/job2"}, {"hash2": {"lr": 1}})
        list(journal.transitions())
        journal.append([Transition(1.0, "alpha/job1", Trigger.FAIL, State.FAILED, 1, "lab1")])


def _taken_or_refused(work: Callable[[], object]) -> None:
    try:
        work()
    except TwophaseError as error:
        assert "journal" in str(error)


@st.composite
def damaged(draw: st.DrawFn) -> Files:
    files = dict(draw(st.sampled_from(sound())))
    suffix = draw(st.sampled_from(sorted(files)))
    if draw(st.integers(0, 9)) == 0:
        del files[suffix]
    else:
        files[suffix] = draw(mutated(files[suffix], 20))
    return files


@tried(60)
@given(damaged())
def test_other_bytes_are_gone_on_with_or_refused(files: Files) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for suffix, content in files.items():
            Path(folder, f"journal{suffix}").write_bytes(content)
        use(Path(folder, "journal"))


COLUMNS = {
    "transitions": (
        "at",
        "task_id",
        "trigger_",
        "state",
        "attempt",
        "worker",
        "note",
        "detail",
        "content_hash",
    ),
    "meta": ("value",),
    "jobs": ("job_id",),
    "job_fields": ("packed",),
}
PLACES = [(table, column) for table, columns in COLUMNS.items() for column in columns]
USELESS = (None, b"", b"\xff", 0, -1, 2**63 - 1, 1e308, "", "[]", "{}", "x", "[" * 100_000, "9" * 5000)
ENDINGS = altered(bodies(Finished)).map(as_bytes).map(bytes.decode)


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_useless_values_are_gone_on_with_or_refused(place: tuple[str, str]) -> None:
    for value in USELESS:
        _use_with(place, value)


@tried(50)
@given(ENDINGS)
def test_altered_endings_are_gone_on_with_or_refused(detail: str) -> None:
    _use_with(("transitions", "detail"), detail)


def _use_with(place: tuple[str, str], value: object) -> None:
    table, column = place
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal")
        path.write_bytes(sound()[1][""])
        with closing(sqlite3.connect(path)) as db, db:
            try:
                db.execute(f"UPDATE {table} SET {column} = ?", (value,))
            except sqlite3.IntegrityError:
                return
        use(path)
