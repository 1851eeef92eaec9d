"""Follows a journal that its master writes: what is new since the last look, and what that cost."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.storage.journal import DAMAGE, check_format, unusable
from master.storage.journal_snapshot import JournalSnapshot

_SELECT = (
    "SELECT seq, at, task_id, trigger_, state, attempt, worker, note, detail, content_hash"
    " FROM transitions WHERE seq > ? ORDER BY seq"
)
_MAIN, _WAL = "", "-wal"
_TRIES = 5
_Signature = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class News:
    """What a look at a journal found."""

    rows: list[tuple[Any, ...]]
    """Transitions as they lie there, each behind its number."""
    plan: bytes | None
    """What the latest start had to do, packed: another one where another start has begun."""


class JournalFollower:
    """Keeps a copy of its own: a reader of the file itself would hold up its writer.  Close it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = tempfile.TemporaryDirectory(prefix="twophase-")
        self._copy = Path(self._folder.name, path.name)
        self._seen: _Signature = {}

    def close(self) -> None:
        """Remove the copy."""
        self._folder.cleanup()

    def news(self, since: int) -> News | None:
        """Return what came after the transition `since`; None where nothing has changed since the last call.

        Raises ConfigError for a journal that cannot be read.
        """
        try:
            if self._signature() == self._seen:
                return None
            self._bring()
            with self._opened() as db:
                (plan,) = db.execute("SELECT packed FROM plan").fetchone() or (None,)
                return News(db.execute(_SELECT, (since,)).fetchall(), plan)
        except (sqlite3.Error, OSError, *DAMAGE) as error:
            self._seen = {}
            raise unusable(self._path, error) from error

    def all_rows(self) -> list[tuple[Any, ...]]:
        """Return all transitions as they were at the last look, each behind its number."""
        try:
            with self._opened() as db:
                return db.execute(_SELECT, (0,)).fetchall()
        except sqlite3.Error as error:
            raise unusable(self._path, error) from error

    @contextmanager
    def snapshot(self) -> Iterator[JournalSnapshot]:
        """Give the journal to read as it was at the last look."""
        try:
            with self._opened() as db:
                yield JournalSnapshot(db)
        except (sqlite3.Error, OSError, *DAMAGE) as error:
            raise unusable(self._path, error) from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        # What only reads moves nothing between the parts of the copy: each is replaced by itself.
        with closing(sqlite3.connect(f"file:{self._copy}?mode=ro", uri=True)) as db:
            check_format(db, self._path)
            yield db

    def _bring(self) -> None:
        """Copy the parts that have changed, all of one moment."""
        for _ in range(_TRIES):
            now = self._signature()
            for suffix in (_MAIN, _WAL):
                if now.get(suffix) != self._seen.get(suffix):
                    self._bring_part(suffix, suffix in now)
            self._seen = now
            if self._signature() == now:
                return

    def _bring_part(self, suffix: str, is_there: bool) -> None:
        target = self._copy.with_name(self._copy.name + suffix)
        if is_there:
            shutil.copyfile(self._path.with_name(self._path.name + suffix), target)
        else:
            target.unlink(missing_ok=True)
        self._copy.with_name(f"{self._copy.name}-shm").unlink(missing_ok=True)

    def _signature(self) -> _Signature:
        parts = {suffix: self._path.with_name(self._path.name + suffix) for suffix in (_MAIN, _WAL)}
        found = {suffix: part.stat() for suffix, part in parts.items() if part.exists()}
        return {suffix: (each.st_size, each.st_mtime_ns) for suffix, each in found.items()}
