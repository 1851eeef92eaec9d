"""How far training is, and how long it may still take: lines for people, and what a job reports."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

LINE_SECONDS = 2.0
"""Between lines, at least."""


class Told(Protocol):
    """What is called with the epoch, how many there are at most, and figures."""

    def __call__(self, epoch: int, epochs: int, **figures: float) -> None:
        """Take a report."""


class Progress:
    """Counts the epochs of all members of one model after the other."""

    def __init__(
        self,
        say: Callable[[str], None],
        report: Told | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`say` gets lines, `report` each epoch of the job."""
        self._say, self._report, self._clock = say, report, clock
        self._name, self._members, self._epochs = "", 1, 1
        self._done: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._started = self._last_line = 0.0
        self._told = 0

    def begin(self, name: str, members: int, epochs: int) -> None:
        """Start to count a model of so many members, each of so many epochs at most."""
        self._name, self._members, self._epochs = name, members, epochs
        self._done, self._first, self._told = {}, {}, 0
        self._started = self._clock()
        self._last_line = self._started - LINE_SECONDS

    def epoch(self, member: int, record: Mapping[str, float]) -> None:
        """Take an epoch of a member: its number and losses."""
        now, number = self._clock(), int(record["epoch"])
        self._first.setdefault(member, number - 1)
        self._done[member] = number
        place = min(self._epochs, -(-sum(self._done.values()) // self._members))
        figures = {name: record[name] for name in ("train_loss", "val_loss") if name in record}
        eta = self._eta(now)
        if self._report is not None and place > self._told:
            self._report(place, self._epochs, **figures, eta_seconds=round(eta, 1))
        self._told = max(self._told, place)
        if now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            losses = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items())
            which = f"  member {member + 1}/{self._members}" if self._members > 1 else ""
            where = f"{self._name}{which}  epoch {number}/{self._epochs}"
            self._say(f"{where}  {losses}  at most {duration(eta)} left")

    def _eta(self, now: float) -> float:
        """Return the seconds that are left where no member stops early."""
        trained = sum(self._done[member] - self._first[member] for member in self._done)
        left = self._members * self._epochs - sum(self._done.values())
        return (now - self._started) / max(1, trained) * max(0, left)


def duration(seconds: float) -> str:
    """Return a time as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
