"""The messages about trainings, in their order: one for each epoch, then the end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from master.core.running.summary import JobRow
from master.web.api.reports import Report
from master.web.api.trainings import ENDED, Training, problem_of, status_of

Message = dict[str, Any]


@dataclass(frozen=True)
class Stand:
    """Where a training stands."""

    training: Training
    row: JobRow
    reports: list[Report]
    """The last ones, the oldest first."""

    @property
    def status(self) -> str:
        """Return how the API calls its state."""
        return status_of(self.row)


@dataclass
class _Known:
    told: tuple[int, int] = (0, 0)
    """Attempt and epoch of the last message."""
    ended: bool = False


class Messages:
    """Remembers what was told."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def begin(self, stands: Iterable[Stand]) -> None:
        """Take what there is now as told."""
        for _ in self.news(stands):
            continue

    def news(self, stands: Iterable[Stand]) -> Iterator[Message]:
        """Yield what is to be told since the last time.

        An epoch is told once its last figures are there: with the next one, or with the end.
        """
        for stand in stands:
            known = self._known.setdefault(stand.training.job_id, _Known())
            if stand.status not in ENDED:
                known.ended = False
            elif known.ended:
                continue
            yield from self._epochs(stand, known)
            if stand.status in ENDED:
                known.ended = True
                yield from _end(stand)

    def _epochs(self, stand: Stand, known: _Known) -> Iterator[Message]:
        whole = stand.reports if stand.status in ENDED else stand.reports[:-1]
        for report in whole:
            if (report.attempt, report.epoch) > known.told:
                known.told = report.attempt, report.epoch
                yield _progress(stand, report, "training")


def _progress(stand: Stand, report: Report, status: str) -> Message:
    elapsed = max(0.0, report.at - (stand.row.started_at or report.at))
    share = min(1.0, report.epoch / report.epochs) if report.epochs else 0.0
    left = report.figures.get("eta_seconds", elapsed * (1 - share) / share if share else None)
    left = left if left is not None and math.isfinite(left) else None  # a script may say any number
    return {
        "type": "training_progress",
        "job_id": stand.training.id,
        "status": status,
        "epoch": report.epoch,
        "total_epochs": report.epochs,
        "progress": 100 * share,
        "metrics": report.metrics,
        "elapsed_time": elapsed,
        "estimated_remaining": 0.0 if status == "completed" else left,
    }


def _end(stand: Stand) -> Iterator[Message]:
    mode = {"mode": "fast"} if stand.training.fast else {}
    job_id = stand.training.id
    if stand.status == "completed":
        if stand.reports:
            yield {**_progress(stand, stand.reports[-1], "completed"), "progress": 100.0}
        yield {"type": "training_completed", "job_id": job_id, "status": "completed", **mode}
    else:
        error = problem_of(stand.row)
        error = error if stand.status == "failed" else f"cancelled: {error}"
        yield {"type": "training_failed", "job_id": job_id, "error": error, **mode}
