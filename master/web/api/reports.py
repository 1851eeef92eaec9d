"""What trainings say of how far they are: as the master hears it, or as their log has it at the end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from master.runs.control.progress import Place
from master.web.api.trainings import METRICS, Told

MOST_KEPT = 10
"""Epochs of a training."""
MOST_TRAININGS = 4096
_LARGEST = sys.float_info.max
_SAID_AS = {"train_loss": "loss", "reconstruction_loss": "train_mse", "sparsity_loss": "train_penalty"}
"""What the trainer calls the figures."""


@dataclass(frozen=True)
class Report:
    """What a training said of an epoch."""

    attempt: int
    epoch: int
    epochs: int
    at: float
    """Unix time."""
    figures: Mapping[str, float]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Report | None:
        """Return a report as the master tells it; None for one that says no epoch."""
        epoch, epochs = _whole(told.get("epoch")), _whole(told.get("epochs"))
        if epoch is None:
            return None
        return cls(int(told["attempt"]), epoch, epochs or 0, float(told["at"]), dict(told["metrics"]))

    @property
    def metrics(self) -> dict[str, float]:
        """Return the figures by the names of the API."""
        return {name: self.figures[said] for name, said in _SAID_AS.items() if said in self.figures}


def _whole(value: Any) -> int | None:
    return int(value) if _is_figure(value) else None


@dataclass
class Reports:
    """The last reports of each training; one thread takes them in."""

    _place: Place = field(default_factory=Place)
    by_job: dict[str, list[Report]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Of the last report that is known."""
        return self._place.number

    def take(self, told: Mapping[str, Any]) -> bool:
        """Take in what the master tells since `number`; False where another one tells: ask from 0."""
        if not self._place.move(told):
            return False
        for job_id, items in told["jobs"].items():
            self._add(job_id, filter(None, map(Report.of, items)))
        return True

    def _add(self, job_id: str, reports: Iterable[Report]) -> None:
        kept = self.by_job.pop(job_id, [])
        for report in reports:
            if kept and (kept[-1].attempt, kept[-1].epoch) == (report.attempt, report.epoch):
                kept.pop()
            kept.append(report)
        self.by_job[job_id] = kept[-MOST_KEPT:]
        if len(self.by_job) > MOST_TRAININGS:
            del self.by_job[next(iter(self.by_job))]

    def of(self, job_id: str) -> list[Report]:
        """Return the last reports of a training, the oldest first."""
        return self.by_job.get(job_id, [])


def told(reports: Sequence[Report]) -> Told:
    """Return how far a training is by what it said, the oldest first."""
    if not reports:
        return Told()
    last = reports[-MOST_KEPT:]
    metrics = {name: [each.metrics[name] for each in last if name in each.metrics] for name in METRICS}
    return Told(last[-1].epoch, last[-1].epochs, metrics)


def reports_of_log(lines: Iterable[str], attempt: int, epochs: int, at: float) -> list[Report]:
    """Return a report for each epoch by the records of a training's log, one a validation.

    Raises ValueError for what is no such log.
    """
    last = dict(_of_epochs(lines))
    return [Report(attempt, epoch, epochs, at, _figures(last[epoch])) for epoch in sorted(last)]


def _figures(record: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in record.items() if _is_figure(value)}


def _of_epochs(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line in lines:
        try:
            record = json.loads(line)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if isinstance(record, dict) and (epoch := _whole(record.get("epoch"))) is not None:
            yield epoch, record


def _is_figure(value: Any) -> bool:
    # Comparing takes whole numbers of any size, and NaN is in no range.
    return type(value) in (int, float) and -_LARGEST <= value <= _LARGEST
