"""What running attempts said last of how far they are, for those who look from another process."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from master import steady_clock
from master.runs.notices import Notices, Seen

MOST_JOBS, MOST_REPORTS = 4096, 10
"""What is kept: of the jobs that spoke last, and of each job one report for an epoch."""


@dataclass(frozen=True)
class Report:
    """What an attempt said of an epoch, the last time that it spoke of it."""

    number: int
    """Rises from report to report, over all jobs."""
    at: float
    seen: Seen

    def to_json(self) -> dict[str, Any]:
        """Return it as it is told."""
        said = self.seen.said
        return {
            "at": self.at,
            "attempt": self.seen.attempt,
            "worker": self.seen.worker,
            "epoch": said.epoch,
            "epochs": said.epochs,
            "metrics": said.metrics or {},
        }


@dataclass
class Place:
    """How far somebody has heard what `ProgressBoard.told` returns."""

    start: str = ""
    """Of which start of a master the last report is."""
    number: int = 0
    """Its number there: ask for what came after it."""

    def move(self, told: Mapping[str, Any]) -> bool:
        """Come as far as an answer; False where another start gives it: ask again, from 0."""
        if told["start"] != self.start:
            had_begun, self.start, self.number = self.number > 0, str(told["start"]), 0
            if had_begun:
                return False
        self.number = int(told["number"])
        return True


class ProgressBoard:
    """An observer of one start; any thread may ask what it has heard."""

    def __init__(self) -> None:
        self._start = uuid.uuid4().hex
        self._number = 0
        self._lock = Lock()
        self._kept: dict[str, deque[Report]] = {}
        """By job, who spoke last at the end."""

    def subscribe(self, notices: Notices) -> None:
        """Hear what attempts say."""
        notices.listen(Seen, self.take)

    def take(self, seen: Seen) -> None:
        """Keep a report, if it says how far a job is."""
        if seen.said.epoch is None:
            return
        with self._lock:
            self._number += 1
            reports = self._kept.pop(seen.job_id, None) or deque(maxlen=MOST_REPORTS)
            if reports and _same_epoch(reports[-1].seen, seen):
                reports.pop()
            reports.append(Report(self._number, steady_clock.now(), seen))
            self._kept[seen.job_id] = reports
            if len(self._kept) > MOST_JOBS:
                del self._kept[next(iter(self._kept))]

    def last(self, job_id: str, attempt: int) -> dict[str, Any] | None:
        """Return what an attempt said last; None where it has said nothing of how far it is."""
        with self._lock:
            reports = self._kept.get(job_id)
            report = reports[-1] if reports else None
        return report.to_json() if report and report.seen.attempt == attempt else None

    def told(self, after: int) -> dict[str, Any]:
        """Return the reports that came after one with a number, by job, the oldest first.

        Who asks with a number of another `start` asks again from 0.
        """
        found: dict[str, list[Report]] = {}
        with self._lock:
            number = self._number
            for job_id, reports in reversed(self._kept.items()):
                if reports[-1].number <= after:
                    break
                found[job_id] = [each for each in reports if each.number > after]
        jobs = {job_id: [each.to_json() for each in reports] for job_id, reports in found.items()}
        return {"start": self._start, "number": number, "jobs": jobs}


def _same_epoch(before: Seen, now: Seen) -> bool:
    return (before.attempt, before.said.epoch) == (now.attempt, now.said.epoch)
