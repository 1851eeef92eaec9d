"""What a journal tells those who do not write it, while its master works with it too."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from master.core.running.commands import Transition
    from master.core.running.lifecycle import State
    from master.core.running.orders.order import Ordered

_Told = TypeVar("_Told")

_PARTS = ("", "-wal")
"""Suffixes of the files that hold a journal."""
_COPIES = 5
"""Tries to copy a journal while its master writes."""


@dataclass(frozen=True)
class EarlierStarts:
    """What a journal tells before it is opened."""

    known_ids: Mapping[str, str] = field(default_factory=dict)
    """`job_hash` → `job_id`."""
    code: Mapping[str, Any] | None = None
    """As the last start remembered it."""
    run_id: str = ""


def read_earlier_starts(path: Path) -> EarlierStarts:
    """Return what the journal of earlier starts tells, changing and adding no file.

    May be called while a master works with the journal.  Raises ConfigError as `Journal`.
    """
    return _asked(path, EarlierStarts(), lambda db: _earlier_starts(db, path))


def _earlier_starts(db: sqlite3.Connection, path: Path) -> EarlierStarts:
    from master.storage.journal import check_format

    if not check_format(db, path):
        return EarlierStarts()
    row = db.execute("SELECT value FROM meta WHERE key = 'code'").fetchone()
    codes = json.loads(row[0]) if row else []
    known = dict(db.execute("SELECT job_hash, job_id FROM jobs"))
    (run_id,) = db.execute("SELECT value FROM meta WHERE key = 'run_id'").fetchone()
    return EarlierStarts(known, codes[-1]["code"] if codes else None, run_id)


def _asked(path: Path, nothing: _Told, question: Callable[[sqlite3.Connection], _Told]) -> _Told:
    """Return a journal's answer, `nothing` where there is none.  Raises ConfigError as `Journal`."""
    if not _is_there(path):
        return nothing
    from master.storage.journal import DAMAGE, unusable  # a first plan does without it

    try:
        with readers_copy(path) as copy, closing(sqlite3.connect(copy)) as db:
            return question(db)
    except (sqlite3.Error, OSError, *DAMAGE) as error:
        raise unusable(path, error) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        from master.storage.journal import unusable

        raise unusable(path, error) from error


def read_fields(path: Path, job_id: str) -> dict[str, Any] | None:
    """Return the fields of a journal's job; None where it tells none, as those of earlier versions."""
    from master.storage.journal import DAMAGE

    select = "SELECT job_hash FROM jobs WHERE job_id = ? COLLATE NOCASE"
    try:
        with readers_copy(path) as copy, closing(sqlite3.connect(copy)) as db:
            (job_hash,) = db.execute(select, (job_id,)).fetchone()
            packed = db.execute("SELECT packed FROM job_fields")
            found = (json.loads(zlib.decompress(blob)).get(job_hash) for (blob,) in packed)
            return next((dict(fields) for fields in found if fields is not None), None)
    except (sqlite3.Error, zlib.error, OSError, *DAMAGE):
        return None


def read_transitions(path: Path) -> list[Transition]:
    """Return all transitions of a journal as `read_earlier_starts` does; none where there is none."""
    return _asked(path, [], lambda db: _transitions(db, path))


def _transitions(db: sqlite3.Connection, path: Path) -> list[Transition]:
    from master.storage.journal import SELECT_TRANSITIONS, check_format, transition_of

    rows = db.execute(SELECT_TRANSITIONS) if check_format(db, path) else ()
    return [transition_of(row) for row in rows]


def read_states(path: Path) -> dict[str, State]:
    """Return in which state a journal leaves each of its jobs; none where there is none."""
    return {item.job_id: item.state for item in read_transitions(path)}


def read_orders(path: Path) -> list[Ordered]:
    """Return all orders of users that a journal has; none where there is none, or of an earlier version."""
    return _asked(path, [], _orders)


def _orders(db: sqlite3.Connection) -> list[Ordered]:
    from master.storage.journal_orders import orders_in

    return orders_in(db)


@contextmanager
def readers_copy(path: Path) -> Iterator[Path]:
    """Copy a journal with what its writer has not moved into it yet: a reader would add files beside it."""
    with tempfile.TemporaryDirectory(prefix="twophase-") as folder:
        copy = Path(folder, path.name)
        for _ in range(_COPIES):
            before = _signature(path)
            for suffix in _PARTS:
                source = path.with_name(path.name + suffix)
                if source.exists():
                    shutil.copyfile(source, copy.with_name(copy.name + suffix))
            if _signature(path) == before:
                break
        yield copy


def is_empty(path: Path) -> bool:
    """True for a journal that is there without a byte in it: it was begun in vain, or emptied."""
    return path.exists() and not any(size for size, _ in _signature(path))


def _signature(path: Path) -> list[tuple[int, int]]:
    parts = [path.with_name(path.name + suffix) for suffix in _PARTS]
    return [(part.stat().st_size, part.stat().st_mtime_ns) for part in parts if part.exists()]
