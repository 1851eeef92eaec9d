"""Orders of a user to a run that goes on: plain data, as it comes over the socket and lies in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from master.core.planning.plan import Plan
from master.core.running.orders.of_jobs import (
    AddJobs,
    CancelJobs,
    RetryJobs,
    SetAtOnce,
    SetNotify,
    SetPriority,
)
from master.core.running.orders.of_workers import (
    AddWorker,
    DrainWorkers,
    PauseWorkers,
    RemoveWorkers,
    ResumeWorkers,
    SetSlots,
)

MOST_OF_A_REASON = 500
"""Characters of what a user says why."""


@dataclass(frozen=True)
class By:
    """Who gave an order, as the kernel tells it."""

    uid: int
    user: str
    """The name of `uid`, or the number where it has none."""
    pid: int
    """Of the process that asked; 0 where the system does not tell."""


Order = (
    CancelJobs
    | AddJobs
    | RetryJobs
    | SetPriority
    | SetAtOnce
    | SetNotify
    | PauseWorkers
    | DrainWorkers
    | ResumeWorkers
    | SetSlots
    | AddWorker
    | RemoveWorkers
)
ORDERS: Mapping[str, type[Order]] = {
    "cancel": CancelJobs,
    "retry": RetryJobs,
    "add": AddJobs,
    "set-priority": SetPriority,
    "set-at-once": SetAtOnce,
    "set-notify": SetNotify,
    "pause": PauseWorkers,
    "drain": DrainWorkers,
    "resume": ResumeWorkers,
    "set-slots": SetSlots,
    "add-worker": AddWorker,
    "remove-worker": RemoveWorkers,
}
"""By the verb, which is also the end of the route and the word in the journal."""
VERBS = {kind: verb for verb, kind in ORDERS.items()}


@dataclass(frozen=True)
class Ordered:
    """A user gave an order."""

    at: float
    by: By
    order: Order
    why: str = ""
    """In the user's words."""
    dry_run: bool = False
    """Only say what would be done."""
    plan: Plan | None = None
    """What jobs that are added come to: they, and trainings that they may need.  It is not remembered."""

    @property
    def verb(self) -> str:
        """The verb of the order."""
        return VERBS[type(self.order)]

    @property
    def signed(self) -> str:
        """Return who gave it and why, for the notes of jobs and of workers: `by anna: too slow`."""
        return f"by {self.by.user}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True)
class Said:
    """What became of one thing that an order is about."""

    name: str
    """Of a job or a worker."""
    says: str


@dataclass(frozen=True)
class Reply:
    """What came of an order."""

    done: tuple[Said, ...] = ()
    """What was done, or would be.  Without any the order changed nothing, and is not remembered."""
    refused: tuple[Said, ...] = ()
    """What was not done, and why."""
    notes: tuple[str, ...] = ()
    """What follows from it."""
