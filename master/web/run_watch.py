"""Keeps the page's picture of a run up to date from its journal."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from master import steady_clock
from master.core.explaining.planned import Planned
from master.core.results.groups import Row
from master.core.running.commands import Transition
from master.storage.base_model_store import BaseModelStore
from master.storage.journal_following import JournalFollower, News
from master.storage.journal_snapshot import JournalSnapshot
from master.storage.run_layout import RunLayout
from master.storage.verification import stored
from master.view.answers.result_rows import row_of
from master.web.master_watch import MasterWatch
from master.web.model import Model

LOOK_S = 0.5
"""Between two looks at the journal …"""
REST = 20.0
"""… and so many times as long as the last one took: following a large run costs a twentieth of a core."""
T = TypeVar("T")
_PACES = 240
_PACE_S = 15.0


class RunWatch:
    """What the page knows.  `model` belongs to one thread; what is slow may be called from any other."""

    def __init__(self, layout: RunLayout) -> None:
        """Look for the first time.  Raises ConfigError for a journal that cannot be read."""
        self.layout = layout
        self.paces = deque[tuple[float, int]](maxlen=_PACES)
        """When was looked, and how many jobs had not ended then."""
        self._follower, self._reading = JournalFollower(layout.journal), threading.Lock()
        self._plan: bytes | None = None
        self._rows = dict[str, tuple[str, float, Row]]()
        self.master, self._rest = MasterWatch(layout), LOOK_S
        self.model = Model()
        self.take(self.look())

    def close(self) -> None:
        """Remove what was copied."""
        self._follower.close()

    @property
    def has_master(self) -> bool:
        """Whether a master has told of its machines last."""
        return self.master.machines is not None

    @property
    def rest_s(self) -> float:
        """How long to wait until the next look."""
        return self._rest

    def look(self) -> tuple[News | None, Model | None]:
        """Return what is new in the journal, and a fresh model where another start has begun."""
        began = time.monotonic()
        with self._reading:
            news = self._follower.news(self.model.seq)
            if news is None:
                return None, None
            fresh = self._fresh(news) if news.plan != self._plan or not self.model.run_id else None
            if fresh and self.model.seq:
                news = News(self._follower.all_rows(), news.plan)
        self._rest = max(LOOK_S, REST * (time.monotonic() - began))
        return news, fresh

    def _fresh(self, news: News) -> Model:
        planned = Planned.of(json.loads(zlib.decompress(news.plan))) if news.plan else None
        with self._follower.snapshot() as snapshot:
            return Model(snapshot.run_id(), planned, snapshot.fields())

    def take(self, found: tuple[News | None, Model | None]) -> bool:
        """Take in what a look has found; tell whether anything is new."""
        news, fresh = found
        if news is None:
            return False
        if fresh is not None:
            self.model, self._plan = fresh, news.plan
        self.model.take(news.rows)
        self._pace()
        return bool(news.rows or fresh)

    def _pace(self) -> None:
        at = steady_clock.now()
        if not self.paces or at - self.paces[-1][0] >= _PACE_S:
            self.paces.append((at, self.model.open))

    def history(self, job_id: str) -> list[Transition]:
        """Return what has become of a job of late."""
        return self.ask_journal(lambda snapshot: snapshot.numbered(self.model.trail.of(job_id)))

    def ask_journal(self, question: Callable[[JournalSnapshot], T]) -> T:
        """Ask the journal as it is now."""
        with self._reading, self._follower.snapshot() as snapshot:
            return question(snapshot)

    def latest(self, before: int | None, most: int) -> list[tuple[int, Transition]]:
        """Return the last transitions of before one, each with its number, the latest first."""
        return self.ask_journal(lambda snapshot: snapshot.latest(before, most))

    def stored(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the manifests of the base models that are at home."""
        whole, _ = BaseModelStore(self.layout).look(list(stored(self.layout)))
        return whole

    def results(self, jobs: list[tuple[str, str, float, Mapping[str, Any]]]) -> list[Row]:
        """Return the experiments with their metrics; each is (job, state, since, parameters)."""
        return list(self._results(jobs))

    def _results(self, jobs: list[tuple[str, str, float, Mapping[str, Any]]]) -> Iterator[Row]:
        for job_id, state, since, fields in jobs:
            known = self._rows.get(job_id)
            if known is None or known[:2] != (state, since):
                known = self._rows[job_id] = state, since, row_of(self.layout, job_id, state, fields)
            yield known[2]
