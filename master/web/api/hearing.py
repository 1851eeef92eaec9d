"""Hears how far trainings are: from the master while they run, from their logs once they are completed."""

from __future__ import annotations

import asyncio
import time

from master.core.running.summary import JobRow
from master.errors import TwophaseError
from master.storage.run_layout import RunLayout
from master.web.api.files import log_lines
from master.web.api.jobs import Jobs
from master.web.api.reports import Report, Reports, reports_of_log
from master.web.api.trainings import Training, status_of

LOOK_S = 0.5
"""Between two questions to the master."""
_MOST_LOGS = 256
_NO_ANSWER = (ValueError, LookupError, TypeError, AttributeError)


class Hearing:
    """It belongs to the event loop's thread; what takes its time is done off it."""

    def __init__(self, layout: RunLayout, jobs: Jobs) -> None:
        self._layout, self._jobs = layout, jobs
        self._reports, self._looking, self._looked = Reports(), asyncio.Lock(), -LOOK_S
        self._logs: dict[str, list[Report]] = {}

    async def look(self) -> None:
        """Hear what trainings have said since, unless that was just asked."""
        async with self._looking:
            if time.monotonic() - self._looked < LOOK_S:
                return
            try:
                heard = await asyncio.to_thread(self._jobs.look, self._reports.number)
                if heard is not None and not self._reports.take(heard):
                    again = await asyncio.to_thread(self._jobs.look, 0)
                    self._reports.take(again or heard)
            except (TwophaseError, *_NO_ANSWER):  # another version's master, or it ends just now
                pass
            self._looked = time.monotonic()

    async def reports_of(self, training: Training, row: JobRow | None) -> list[Report]:
        """Return what a training said, of a completed one all that its log tells."""
        if row is None or status_of(row) != "completed":
            return self._reports.of(training.job_id)
        if training.job_id not in self._logs:
            self._logs[training.job_id] = await asyncio.to_thread(self._logged, training, row)
            if len(self._logs) > _MOST_LOGS:
                del self._logs[next(iter(self._logs))]
        return self._logs[training.job_id] or self._reports.of(training.job_id)

    def _logged(self, training: Training, row: JobRow) -> list[Report]:
        epochs, at = training.config.get("max_epochs"), row.ended_at or 0.0
        try:
            lines = log_lines(self._layout.result(training.job_id))
            return reports_of_log(lines, row.attempt, epochs if isinstance(epochs, int) else 0, at)
        except (OSError, ValueError):  # a worker wrote it: what is no log tells nothing
            return []
