"""Why the jobs that a visitor sees have not ended: asked of the master, few at a time, kept for a while."""

from __future__ import annotations

import time
from collections.abc import Iterable

from master.core.explaining.cause_json import from_json
from master.errors import TwophaseError
from master.runs.control.answers import WHY
from master.runs.control.client import ask
from master.storage.run_layout import RunLayout
from master.view.answers.why import sentence, what_changes_it

AT_ONCE = 8
"""Questions for one page: each holds up the dispatcher for a moment."""
KEPT_S = 10.0
_MOST_KEPT = 2000
Told = tuple[str, str]
"""Why, and what would change it."""
_NOTHING = ("", "")


class Causes:
    """Use from one thread at a time."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout
        self._kept = dict[str, tuple[float, float, Told]]()
        """Job → when it was asked of, since when it was in its state, and what was told."""

    def known(self, job_id: str, since: float) -> Told:
        """Return what was told not long ago of a job that is in its state since then; else empty words."""
        at, then, told = self._kept.get(job_id, (0.0, 0.0, _NOTHING))
        return told if then == since and time.monotonic() - at < KEPT_S else _NOTHING

    def learn(self, jobs: Iterable[tuple[str, float]]) -> None:
        """Ask of these jobs, each with since when it is in its state."""
        for job_id, since in jobs:
            if not self._ask(job_id, since):
                return

    def _ask(self, job_id: str, since: float) -> bool:
        """Ask of one job; tell whether a master answers."""
        try:
            answered = ask(self._layout, WHY, job_id)
            if answered is None:
                return False
            cause = from_json(answered["cause"]) if answered["cause"] else None
            told = (sentence(cause, float(answered["at"])), what_changes_it(cause)) if cause else _NOTHING
        except (TwophaseError, ValueError, LookupError, TypeError):
            return False  # what the page shows then is what the journal tells
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[job_id] = time.monotonic(), since, told
        return True
