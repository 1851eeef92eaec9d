"""How far a job that runs says it is, and when it ends by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from master.core.explaining.causes import Cause, Why
from worker_agent.protocol.codec import parse

_TELLING = 0.1
"""Share of a job after which its own pace tells more of its end than the durations of others."""


@dataclass(frozen=True)
class Progress:
    """What a running attempt said last."""

    at: float
    """Unix time when it said so."""
    epoch: float
    epochs: float | None = None
    """How many there are, where it says that."""
    metrics: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Progress:
        """Return what a master tells.  Raises ValueError, LookupError, TypeError for what cannot be."""
        return parse(cls, {name: told[name] for name in ("at", "epoch", "epochs", "metrics")})

    def end(self, since: float) -> float | None:
        """Return when a job that began then ends if it goes on at its pace; None where nothing tells."""
        if not self.epochs or not 0 < self.epoch <= self.epochs or self.at <= since:
            return None
        return since + (self.at - since) * self.epochs / self.epoch


def sharpened(cause: Cause, progress: Progress) -> Cause:
    """Return why a job has not ended, with its end as its own pace tells it, once that says more."""
    end = progress.end(cause.since) if cause.why is Why.RUNS and cause.since is not None else None
    is_telling = cause.until is None or progress.epoch >= _TELLING * (progress.epochs or 0)
    return cause if end is None or not is_telling else replace(cause, until=end)
