"""Asks the master of a run what only that knows, while somebody looks: its machines, and how far jobs are."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from master import steady_clock
from master.core.explaining.standing import Standing
from master.errors import TwophaseError
from master.runs.control.answers import MACHINES, PROGRESS, TIME_LEFT, USE
from master.runs.control.client import ask
from master.storage.run_layout import RunLayout
from master.web.drawn.progress import Progress

MACHINES_S, RECKONED_S = 2.0, 10.0
"""Between two questions to the master; the second one holds it up for as long as it has jobs."""
WATCHED_S = 25.0
"""For so long after a visitor was heard the master is asked for him."""


class MasterWatch:
    """What a master told last.  `progress` belongs to one thread; `ask_machines` may be called from any."""

    def __init__(self, layout: RunLayout) -> None:
        self.machines: dict[str, Any] | None = None
        """What the master told last; None where none works."""
        self.time_left: dict[str, Any] | None = None
        self.use: Mapping[str, Any] = {}
        """By worker how busy it was a moment ago, as far as a master told."""
        self.progress = Progress()
        self._layout, self._asking = layout, threading.Lock()
        self._asked, self._reckoned, self._visited = 0.0, -RECKONED_S, 0.0

    def visited(self) -> bool:
        """Take note of a visitor; tell whether what the master told last is too old for him."""
        self._visited = time.monotonic()
        return self._visited - self._asked > WATCHED_S

    def ask_machines(self) -> Mapping[str, Any] | None:
        """Ask the master of its machines, now and then, and return what it tells of jobs that run.

        None where it tells nothing new; `machines` is None where there is no master.  While nobody looks it
        is not asked.
        """
        with self._asking:
            now = time.monotonic()
            if now - self._asked < MACHINES_S or now - self._visited > WATCHED_S:
                return None
            try:
                return self._ask_master()
            except TwophaseError:  # an earlier version's, or it ends just now
                self.machines = None
                return None
            finally:
                self._asked = time.monotonic()

    def _ask_master(self) -> Mapping[str, Any] | None:
        self.machines = ask(self._layout, MACHINES)
        if self.machines is None:
            return None
        if time.monotonic() - self._reckoned >= RECKONED_S:
            self.time_left, self._reckoned = ask(self._layout, TIME_LEFT), time.monotonic()
        self.use = ask(self._layout, USE) or {}
        return ask(self._layout, PROGRESS, str(self.progress.number))

    def hear(self, told: Mapping[str, Any] | None) -> bool:
        """Take in what `ask_machines` returned; tell whether anything is new."""
        try:
            return told is not None and self.progress.take(told)
        except (ValueError, LookupError, TypeError, AttributeError):  # another version's
            return False

    def far(self, job_id: str, standing: Standing) -> dict[str, Any] | None:
        """Return how far a job that runs is; None where that is not known."""
        report = self.progress.of(job_id, standing.attempt) if standing.state == "running" else None
        return report.json(standing.started_at, steady_clock.now()) if report else None
