"""The journal: one SQLite file with one writer.  After a restart it is the state of the run."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from master.core.commands import Transition
from master.core.lifecycle import State, Trigger
from master.errors import ConfigError

FORMAT = "1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (job_hash TEXT PRIMARY KEY, job_id TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transitions (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    task_id TEXT NOT NULL,
    trigger_ TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    worker TEXT,
    note TEXT NOT NULL,
    detail TEXT,
    content_hash TEXT NOT NULL
);
"""
_INSERT = (
    "INSERT INTO transitions (at, task_id, trigger_, state, attempt, worker, note, detail, content_hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Journal:
    """Transitions in the order in which they happened, and the names that jobs were given.

    `append` returns once its transitions are on disk.  Use from one thread.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the journal.  Raises ConfigError for a file that is none, or of another format."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)
            self._check_format(path)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise ConfigError(
                str(path), "", f"cannot be read as a journal ({error}); move it away"
            ) from error

    def _check_format(self, path: Path) -> None:
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('run_id', ?)", (uuid.uuid4().hex,))
        found = self._meta("format")
        if found != FORMAT:
            raise ConfigError(str(path), "", f"a journal of format {found}; this version reads {FORMAT}")

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @property
    def run_id(self) -> str:
        """Names the run on all workers, for as long as the run directory lives."""
        return str(self._meta("run_id"))

    def new_epoch(self) -> int:
        """Count a start of the master and return its number, from 1."""
        epoch = int(self._meta("epoch") or 0) + 1
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (str(epoch),))
        return epoch

    def known_ids(self) -> dict[str, str]:
        """Return `job_hash` → `job_id` of all jobs that this run has ever had."""
        return dict(self._db.execute("SELECT job_hash, job_id FROM jobs"))

    def remember_jobs(self, ids: Mapping[str, str]) -> None:
        """Keep the ids of jobs, by `job_hash`.  Raises ConfigError where an id belongs to another job."""
        owners = {job_id: job_hash for job_hash, job_id in self.known_ids().items()}
        for job_hash, job_id in ids.items():
            if owners.get(job_id, job_hash) != job_hash:
                problem = "ran here before with other settings; change its id or prefix, or use a new --run-dir"
                raise ConfigError("jobs", job_id, problem)
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR IGNORE INTO jobs VALUES (?, ?)", ids.items())
        self._db.execute("COMMIT")

    def append(self, transitions: Iterable[Transition]) -> None:
        """Write all transitions in one commit."""
        rows = [_row(transition) for transition in transitions]
        if not rows:
            return
        self._db.execute("BEGIN")
        try:
            self._db.executemany(_INSERT, rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def transitions(self) -> Iterator[Transition]:
        """Yield all transitions, the oldest first."""
        query = (
            "SELECT at, task_id, trigger_, state, attempt, worker, note, detail, content_hash"
            " FROM transitions ORDER BY seq"
        )
        with closing(self._db.execute(query)) as rows:
            for at, task_id, trigger, state, attempt, worker, note, detail, content_hash in rows:
                yield Transition(
                    *(at, task_id, Trigger(trigger), State(state), attempt, worker, note),
                    detail=None if detail is None else json.loads(detail),
                    content_hash=content_hash,
                )

    def close(self) -> None:
        """Close the file.  May be called twice."""
        self._db.close()


def _row(item: Transition) -> tuple[Any, ...]:
    detail = None if item.detail is None else json.dumps(_without_inline(item.detail), separators=(",", ":"))
    return (
        *(item.at, item.task_id, item.trigger.value, item.state.value, item.attempt, item.worker),
        *(item.note, detail, item.content_hash),
    )


def _without_inline(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Drop the files that came with the message: until they are released, the worker has them."""
    return {key: value for key, value in detail.items() if key != "inline"}
