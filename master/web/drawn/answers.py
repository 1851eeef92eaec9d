"""What the routes answer of what is drawn over time."""

from __future__ import annotations

import asyncio
from typing import Any

from master import steady_clock
from master.core.harmless import brief
from master.view.logged.figures import curves_of
from master.web.details import journal_json
from master.web.drawn.metrics import text
from master.web.drawn.progress import counted
from master.web.listing import check
from master.web.run_watch import RunWatch

Answer = dict[str, Any]
MOST_CURVES, MOST_POINTS = 24, 600
"""Of a job; points of each."""
_SHORTEST_S = 1.0
"""Of the time line."""


class Drawn:
    """Its methods belong to the event loop's thread."""

    def __init__(self, watch: RunWatch) -> None:
        self._watch = watch

    def timeline(self, since: float | None, until: float | None, steps: int, offset: int) -> Answer:
        """Return which slots ran what in a time, by default from the first start until now."""
        timeline, now = self._watch.model.timeline, steady_clock.now()
        begin = timeline.begin if timeline.begin is not None else now
        ends = now if self._watch.has_master or not self._watch.model.last_at else self._watch.model.last_at
        window = begin if since is None else since, ends if until is None else until
        if window[1] <= window[0]:
            window = window[0], window[0] + _SHORTEST_S
        told = timeline.json(*window, steps, offset)
        return {
            **told,
            "begin": begin,
            "end": max(ends, begin + _SHORTEST_S),
            "now": now,
            "seq": self._watch.model.seq,
        }

    async def metrics(self) -> bytes:
        """Return what Prometheus collects."""
        master = self._watch.master
        if master.visited():
            master.hear(await asyncio.to_thread(master.ask_machines))
        return text(self._watch)

    async def journal(self, before: int | None, limit: int) -> Answer:
        """Return the last transitions of before one, the latest first."""
        return {"lines": journal_json(await asyncio.to_thread(self._watch.latest, before, limit))}

    async def curves(self, job_id: str) -> Answer:
        """Return what a job logged again and again: what came home, else what is heard of it as it runs."""
        check(self._watch.model, job_id)
        curves, problem = await asyncio.to_thread(curves_of, self._watch.layout.result(job_id))
        found = counted(curves, MOST_POINTS) if curves else self._watch.master.progress.curves(job_id)
        told = [{"name": name, "x": xs, "y": ys} for name, (xs, ys) in list(found.items())[:MOST_CURVES]]
        over = "value" if curves else "epoch"
        return {"over": over, "curves": told, "in_all": len(found), "says": brief(problem)}
