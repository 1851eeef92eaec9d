"""How far the running jobs are, as a master tells it: the last word of each, and its figures so far."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.runs.control.progress import Place
from master.view.wording import metrics_text

MOST_JOBS, MOST_REPORTS = 2000, 600
"""What is remembered: of those jobs that spoke last, and of each."""
Curve = tuple[list[float], list[float | None]]
"""Epochs and values; None is what is no number."""


@dataclass(frozen=True)
class Report:
    """What an attempt said of an epoch."""

    at: float
    """Unix time by the master's clock."""
    attempt: int
    epoch: float
    epochs: float | None
    metrics: Mapping[str, float]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Report:
        """Return a report as a master tells it.  Raises ValueError and the like for something else."""
        epochs = told["epochs"]
        metrics = {str(name): float(value) for name, value in dict(told["metrics"]).items()}
        return cls(
            *(float(told["at"]), int(told["attempt"]), float(told["epoch"])),
            epochs=None if epochs is None else float(epochs),
            metrics=metrics,
        )

    def json(self, started: float | None, now: float) -> dict[str, Any]:
        """Return how far the attempt is, which began at `started`, and how long it may still take."""
        share = min(1.0, max(0.0, self.epoch / self.epochs)) if self.epochs and self.epochs > 0 else None
        left = None
        if share and started is not None and self.at > started:
            left = max(0.0, (self.at - started) * (1 - share) / share - max(0.0, now - self.at))
        left = left if left is not None and math.isfinite(left) else None  # a script may say any number
        says = metrics_text(self.metrics)
        return {"epoch": self.epoch, "epochs": self.epochs, "share": share, "left_s": left, "says": says}


class Progress:
    """What has been heard since somebody looks; for one thread."""

    def __init__(self) -> None:
        self._place = Place()
        self._reports = dict[str, deque[Report]]()
        """By job, who spoke last at the end."""

    @property
    def number(self) -> int:
        """Of the last report that is known."""
        return self._place.number

    def take(self, told: Mapping[str, Any]) -> bool:
        """Take in an answer; tell whether anything is new.  Raises ValueError and the like for none.

        After an answer of another start, the next question is to be from its beginning: `number` is 0 then.
        """
        if not self._place.move(told):
            return False
        for job_id, reports in reversed(list(told["jobs"].items())):
            for each in reports:
                self._add(job_id, Report.of(each))
        return bool(told["jobs"])

    def _add(self, job_id: str, report: Report) -> None:
        known = self._reports.pop(job_id, None)
        if known is None or known[-1].attempt != report.attempt:
            known = deque(maxlen=MOST_REPORTS)
        if known and known[-1].epoch == report.epoch:
            known.pop()
        known.append(report)
        self._reports[job_id] = known
        if len(self._reports) > MOST_JOBS:
            del self._reports[next(iter(self._reports))]

    def of(self, job_id: str, attempt: int) -> Report | None:
        """Return what an attempt said last."""
        reports = self._reports.get(job_id, ())
        return reports[-1] if reports and reports[-1].attempt == attempt else None

    def curves(self, job_id: str) -> dict[str, Curve]:
        """Return the figures of the last attempt that spoke, over its epochs."""
        found: dict[str, Curve] = {}
        for report in self._reports.get(job_id, ()):
            for name, value in report.metrics.items():
                epochs, values = found.setdefault(name, ([], []))
                epochs.append(report.epoch)
                values.append(value if math.isfinite(value) else None)
        return found


def counted(curves: Mapping[str, Sequence[float]], most: int) -> dict[str, Curve]:
    """Return curves over the number of the value, of each so many values at most, with the last."""
    return {name: _thinned(values, most) for name, values in curves.items()}


def _thinned(values: Sequence[float], most: int) -> Curve:
    step = math.ceil(len(values) / most)
    kept = sorted({*range(0, len(values), step), len(values) - 1}) if step > 1 else range(len(values))
    finite = (value if math.isfinite(value) else None for value in (values[number] for number in kept))
    return [float(number + 1) for number in kept], list(finite)
