"""The journal: one SQLite file with one writer.  After a restart it is the state of the run."""

from __future__ import annotations

import json
import sqlite3
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from master import steady_clock
from master.core.running.commands import Dropped, Measured, Transition
from master.core.running.lifecycle import REMARKS, State, Trigger
from master.core.running.orders.order import Ordered
from master.errors import ConfigError, TwophaseError
from master.specs import EMPTY
from master.storage.journal_orders import (
    INSERT_ORDER,
    ORDERS_TABLE,
    SELECT_ORDERS,
    as_text,
    ordered_of,
    row_of,
)
from worker_agent.protocol.codec import dump, load, parse
from worker_agent.protocol.outcome import Finished

FORMAT = "1"

_TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS jobs (job_hash TEXT PRIMARY KEY, job_id TEXT NOT NULL UNIQUE) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS job_fields (number INTEGER PRIMARY KEY, packed BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS plan (one INTEGER PRIMARY KEY CHECK (one = 1), packed BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS transitions (seq INTEGER PRIMARY KEY, at REAL NOT NULL,"
    " task_id TEXT NOT NULL, trigger_ TEXT NOT NULL, state TEXT NOT NULL, attempt INTEGER NOT NULL,"
    " worker TEXT, note TEXT NOT NULL, detail TEXT, content_hash TEXT NOT NULL)",
    ORDERS_TABLE,
)
_INSERT = (
    "INSERT INTO transitions (at, task_id, trigger_, state, attempt, worker, note, detail, content_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SELECT_TRANSITIONS = (
    "SELECT at, task_id, trigger_, state, attempt, worker, note, detail, content_hash"
    " FROM transitions ORDER BY seq"
)
_FORMER = {"recall": Trigger.WITHDRAW.value}
"""Triggers under the names that they had in journals of earlier versions."""
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What is raised where a row holds something else than it should."""
_DISK = ("disk", "readonly", "read-only", "locked", "unable to open", "full")
"""Words in what SQLite says where the file may be sound."""


def forget_journal(path: Path) -> None:
    """Remove a journal, which nobody writes to any more, and with it all that is known of its run."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def check_format(db: sqlite3.Connection, path: Path) -> bool:
    """Return False for a journal that holds nothing yet.  Raises ConfigError for something else."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    row = db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone() if "meta" in tables else None
    if row is None:
        raise ConfigError(str(path), "", "is a database, but no journal: move it away")
    if row[0] != FORMAT:
        problem = f"a journal of format {row[0]}, this version reads {FORMAT}: use another --run-dir"
        raise ConfigError(str(path), "", problem)
    return True


def unusable(path: Path, error: Exception) -> ConfigError:
    """Return what to tell of a file that cannot be opened, or read, as a journal."""
    if isinstance(error, OSError) or _is_of_the_disk(error):
        advice = "it must be a file that can be written, in a directory that can be written"
    else:
        advice = "put back a copy of it, or give --rebuild: what has succeeded is read from the results"
    return ConfigError(str(path), "", f"cannot be used as a journal ({error}): {advice}")


def _is_of_the_disk(error: Exception) -> bool:
    """Tell whether SQLite could not use a file that may be sound."""
    is_operational = isinstance(error, sqlite3.OperationalError)
    return is_operational and any(word in str(error).lower() for word in _DISK)


class Journal:
    """Transitions in the order in which they happened, and the names that jobs were given.

    `append` returns once its transitions are on disk.  Use from one thread.  All methods raise TwophaseError
    where the disk is full or gone.
    """

    def __init__(self, path: Path, run_id: str = "") -> None:
        """Open or create the journal, a new one under the name `run_id` if that is known.

        Raises ConfigError for a file that is none, or of another format.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise unusable(path, error) from error
        try:
            check_format(self._db, path)
            _prepare(self._db, run_id or uuid.uuid4().hex)
        except (sqlite3.Error, *DAMAGE) as error:
            self._db.close()
            raise unusable(path, error) from error
        except ConfigError:
            self._db.close()
            raise

    @contextmanager
    def _written(self) -> Iterator[None]:
        """Make what happens inside one commit; raises TwophaseError where that fails."""
        try:
            with _commit(self._db):
                yield
        except (sqlite3.Error, *DAMAGE) as error:
            if not _is_of_the_disk(error):
                raise unusable(self._path, error) from error
            problem = f"{self._path}: the journal cannot be written ({error})"
            advice = "running jobs go on: make room, then give the same command again"
            raise TwophaseError(f"{problem}; {advice}") from error

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        """Raise ConfigError where the file turns out to be damaged."""
        try:
            yield
        except (sqlite3.Error, *DAMAGE) as error:
            raise unusable(self._path, error) from error

    def _meta(self, key: str) -> str | None:
        with self._damage_told():
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @property
    def run_id(self) -> str:
        """Names the run on all workers, for as long as the run directory lives."""
        return str(self._meta("run_id"))

    def new_epoch(self, after: int = 0) -> int:
        """Count a start of the master and return its number, from 1; a higher one than `after`.

        Whose clock the times from now on are by is remembered.
        """
        with self._written():
            epoch = max(after, int(self._meta("epoch") or 0)) + 1
            rows = (("epoch", str(epoch)), ("clock", json.dumps(steady_clock.told())))
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)
        return epoch

    def known_ids(self) -> dict[str, str]:
        """Return `job_hash` → `job_id` of all jobs that this run has ever had."""
        with self._damage_told():
            return dict(self._db.execute("SELECT job_hash, job_id FROM jobs"))

    def remember_jobs(self, ids: Mapping[str, str], fields: Mapping[str, Mapping[str, Any]] = EMPTY) -> None:
        """Keep the ids of jobs and their fields, by `job_hash`.

        Raises ConfigError where an id belongs to another job.
        """
        known = self.known_ids()
        owners = {job_id: job_hash for job_hash, job_id in known.items()}
        for job_hash, job_id in ids.items():
            if owners.get(job_id, job_hash) != job_hash:
                problem = "ran here before with other settings: change its id or prefix, or the --run-dir"
                raise ConfigError("jobs", job_id, problem)
        with self._written():
            self._db.executemany("INSERT OR IGNORE INTO jobs VALUES (?, ?)", ids.items())
            new = {job_hash: dict(config) for job_hash, config in fields.items() if job_hash not in known}
            if new:  # of one start in one piece: only who reuses an id asks for them
                packed = zlib.compress(json.dumps(new).encode(), 1)
                self._db.execute("INSERT INTO job_fields (packed) VALUES (?)", (packed,))

    def remember_plan(self, plan: Mapping[str, Any]) -> None:
        """Keep what the latest start has to do, in the place of what the one before had."""
        packed = zlib.compress(json.dumps(plan, separators=(",", ":")).encode(), 1)
        with self._damage_told():
            row = self._db.execute("SELECT packed FROM plan").fetchone()
        if row is None or row[0] != packed:
            with self._written():
                self._db.execute("INSERT OR REPLACE INTO plan VALUES (1, ?)", (packed,))

    def remember_code(self, code: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        """Keep the code of this start; return that of all starts, the last is this one's.

        Before each stands the number of transitions that were there when it was first used.
        """
        with self._damage_told():
            codes = json.loads(self._meta("code") or "[]")
            (number,) = self._db.execute("SELECT COUNT(*) FROM transitions").fetchone()
        if not codes or not _same_code(codes[-1]["code"], code):
            codes.append({"after": number, "code": dict(code)})
            with self._written():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('code', ?)", (json.dumps(codes),))
        return [(entry["after"], entry["code"]) for entry in codes]

    def remember_workers(self, changes: Mapping[str, Mapping[str, Any] | None]) -> dict[str, dict[str, Any]]:
        """Keep how workers are reached that may have something of the run, by name; None forgets one.

        Return all that is known then.
        """
        with self._damage_told():
            before: dict[str, Any] = json.loads(self._meta("workers") or "{}")
        known = {name: told for name, told in {**before, **changes}.items() if told is not None}
        if known != before:
            with self._written():
                self._db.execute("INSERT OR REPLACE INTO meta VALUES ('workers', ?)", (json.dumps(known),))
        return known

    def append(self, transitions: Iterable[Transition], orders: Iterable[Ordered] = ()) -> None:
        """Write all transitions, and the orders that they follow from, in one commit."""
        rows, given = [_row(transition) for transition in transitions], [row_of(order) for order in orders]
        if rows or given:
            with self._written():
                self._db.executemany(_INSERT, rows)
                self._db.executemany(INSERT_ORDER, given)

    def transitions(self) -> Iterator[Transition]:
        """Yield all transitions, the oldest first.  Raises ConfigError for a file that is damaged."""
        with self._damage_told(), closing(self._db.execute(SELECT_TRANSITIONS)) as rows:
            yield from map(transition_of, rows)

    def orders(self) -> Iterator[Ordered]:
        """Yield all orders of users, the oldest first.  Raises ConfigError for a file that is damaged."""
        with self._damage_told(), closing(self._db.execute(SELECT_ORDERS)) as rows:
            yield from map(ordered_of, rows)

    def close(self) -> None:
        """Close the file.  May be called twice."""
        self._db.close()


def _prepare(db: sqlite3.Connection, new_run_id: str) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    with _commit(db):
        for table in _TABLES:
            db.execute(table)
        db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
        db.execute("INSERT OR IGNORE INTO meta VALUES ('run_id', ?)", (new_run_id,))


@contextmanager
def _commit(db: sqlite3.Connection) -> Iterator[None]:
    """Make what happens inside one commit, or nothing."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        yield


def _same_code(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two starts used the same code, whenever that was."""
    return {**one, "at": 0} == {**other, "at": 0}


_DETAILS = {Trigger.DROP: "dropped", **dict.fromkeys(REMARKS, "measured")}
"""What a trigger has as its detail, where that is not how an attempt ended."""


def transition_of(row: tuple[Any, ...]) -> Transition:
    """Undo `_row`.  Raises ValueError for what this version does not write."""
    at, job_id, name, state, attempt, worker, note, text, content_hash = row
    texts = (job_id, name, state, note, content_hash, *(() if worker is None else (worker,)))
    if type(at) is not float or type(attempt) is not int or any(type(each) is not str for each in texts):
        raise ValueError(f"not a transition: {row!r:.200}")
    trigger, detail = Trigger(_FORMER.get(name, name)), None if text is None else load(text)
    told = {} if detail is None else {_DETAILS.get(trigger, "finished"): detail}
    return Transition(
        *(at, job_id, trigger, State(state), attempt, worker, note),
        finished=parse(Finished, told["finished"]) if "finished" in told else None,
        content_hash=content_hash,
        dropped=parse(Dropped, told["dropped"]) if "dropped" in told else None,
        measured=parse(Measured, told["measured"]) if "measured" in told else None,
    )


def _row(item: Transition) -> tuple[Any, ...]:
    return (
        *(item.at, item.job_id, item.trigger.value, item.state.value, item.attempt, item.worker),
        *(as_text(item.note), _detail(item), item.content_hash),
    )


def _detail(item: Transition) -> str | None:
    if item.finished:
        return dump(_without_inline(item.finished))
    other = item.dropped or item.measured
    return dump(other) if other else None


def _without_inline(finished: Finished) -> dict[str, Any]:
    """Drop the files that came with the message: until they are released, the worker has them."""
    return {key: value for key, value in vars(finished).items() if key != "inline"}
