"""A journal as it was at one moment, for those who ask several things of it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from master import steady_clock
from master.core.explaining.planned import Planned
from master.core.explaining.standing import Standing, standings
from master.core.running.commands import Transition
from master.errors import ConfigError
from master.storage.journal import DAMAGE, SELECT_TRANSITIONS, check_format, transition_of, unusable
from master.storage.journal_reading import readers_copy

if TYPE_CHECKING:
    from master.core.running.orders.order import Ordered

_NO_NUMBER = 2**63 - 1
"""Greater than that of any transition."""


class JournalSnapshot:
    """Use it inside `open_snapshot`, which tells what is damaged."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def run_id(self) -> str:
        """Return what names the run on all workers."""
        (run_id,) = self._db.execute("SELECT value FROM meta WHERE key = 'run_id'").fetchone()
        return str(run_id)

    def now(self) -> float:
        """Return what time it is by the clock of the latest start, which the times in it are of."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'clock'").fetchone()
        clock = json.loads(row[0]) if row else None
        return steady_clock.now_by(clock if isinstance(clock, dict) else None)

    def planned(self) -> Planned | None:
        """Return what the latest start had to do; None in a journal of an earlier version."""
        row = self._db.execute("SELECT packed FROM plan").fetchone() if self._has("plan") else None
        return Planned.of(json.loads(zlib.decompress(row[0]))) if row else None

    def standings(self) -> dict[str, Standing]:
        """Return where all jobs stand that ever had a transition."""
        return standings(self._db.execute(SELECT_TRANSITIONS))

    def history(self, job_id: str) -> list[Transition]:
        """Return what has become of a job, the oldest first."""
        select = SELECT_TRANSITIONS.replace(" ORDER BY", " WHERE task_id = ? ORDER BY")
        return [transition_of(row) for row in self._db.execute(select, (job_id,))]

    def numbered(self, numbers: Sequence[int]) -> list[Transition]:
        """Return the transitions of these numbers, the oldest first."""
        marks = ",".join("?" * len(numbers))
        select = SELECT_TRANSITIONS.replace(" ORDER BY", f" WHERE seq IN ({marks}) ORDER BY")
        return [transition_of(row) for row in self._db.execute(select, tuple(numbers))]

    def latest(self, before: int | None, most: int) -> list[tuple[int, Transition]]:
        """Return the last transitions (of before one), each with its number, the latest first."""
        select = SELECT_TRANSITIONS.replace("SELECT ", "SELECT seq, ", 1)
        select = select.replace(" ORDER BY seq", " WHERE seq < ? ORDER BY seq DESC LIMIT ?")
        rows = self._db.execute(select, (_NO_NUMBER if before is None else before, most))
        return [(seq, transition_of(row)) for seq, *row in rows]

    def fields(self) -> dict[str, Mapping[str, Any]]:
        """Return the fields of the jobs of all starts, by job id; those of earlier versions are not known."""
        packed = self._db.execute("SELECT packed FROM job_fields") if self._has("job_fields") else ()
        ids = dict(self._db.execute("SELECT job_hash, job_id FROM jobs"))
        known: dict[str, Mapping[str, Any]] = {}
        for (blob,) in packed:
            known.update(json.loads(zlib.decompress(blob)))
        return {ids[job_hash]: fields for job_hash, fields in known.items() if job_hash in ids}

    def data_names(self) -> list[str]:
        """Return under which names the workers of the latest start have data."""
        row = self._db.execute("SELECT value FROM meta WHERE key = 'workers'").fetchone()
        workers: dict[str, Any] = json.loads(row[0]) if row else {}
        return sorted({name for told in workers.values() for name in told.get("data", ())})

    def job_ids(self) -> list[str]:
        """Return the ids of all jobs that the run has ever had, sorted."""
        return [job_id for (job_id,) in self._db.execute("SELECT job_id FROM jobs ORDER BY job_id")]

    def orders(self) -> list[Ordered]:
        """Return all orders of users, the oldest first."""
        from master.storage.journal_orders import orders_in

        return orders_in(self._db)

    def _has(self, table: str) -> bool:
        return bool(self._db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())


@contextmanager
def open_snapshot(path: Path) -> Iterator[JournalSnapshot]:
    """Read a journal as it is now, changing and adding no file beside it, while a master may write on.

    Raises ConfigError for a file that is none, is of another format, is empty or damaged.
    """
    try:
        with readers_copy(path) as copy, closing(sqlite3.connect(copy)) as db:
            if not check_format(db, path):
                raise ConfigError(str(path), "", "is empty: no run has begun here")
            yield JournalSnapshot(db)
    except (sqlite3.Error, zlib.error, OSError, *DAMAGE) as error:
        raise unusable(path, error) from error
