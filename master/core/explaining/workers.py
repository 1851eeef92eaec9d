"""How the workers of a run stand, for those who look at it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from master.core.explaining.hindrances import told_left_alone
from master.core.running.fleet.holds import Hold
from master.core.running.fleet.worker_view import WorkerView


class Stands(str, Enum):
    """How a worker stands, in the order in which it counts: of several the first is told."""

    LEAVING = "leaving"
    DRAINED = "drained"
    """By a user, who has been told that nothing of the run is there any more."""
    DRAINING = "draining"
    PAUSED = "paused"
    """By a user."""
    UNUSABLE = "unusable"
    NO_ALLOCATION = "no allocation"
    """It is a seat of a pool that needs none now, or gets none."""
    QUEUED = "queued"
    """It is a seat whose allocation waits in the engine's queue."""
    CONNECTING = "connecting"
    DOWN = "down"
    BAD_PLACE = "bad place"
    """It gets nothing for a while, or one job that shows whether its place is good again."""
    UP = "up"


@dataclass(frozen=True)
class WorkerStanding:
    """A worker, as who asks is told of it."""

    name: str
    stands: Stands
    slots: int
    """Jobs at a time."""
    most: int | None
    """As many as a user allows; None for all."""
    held_by_others: float
    """Slots' worth of it that other runs or users have."""
    running: int
    """Attempts that were given to it and have not ended."""
    to_come_home: int
    """Attempts that succeeded there and are not home."""
    reason: str
    """Why it is not up, not usable, or gets nothing; which of its GPUs get nothing."""
    hold: Hold | None
    """What a user has decided about it."""

    @classmethod
    def of(cls, view: WorkerView) -> WorkerStanding:
        """Return how a worker stands."""
        has = len(view.attempts), len(view.collecting)
        reason = view.reason if not view.available else view.fault or told_left_alone(view)
        reason = view.seat.reason if view.seat and not view.seat.has_begun else reason
        slots = view.slots, view.most, view.held_by_others
        return cls(view.name, _stands(view), *slots, *has, reason, view.leaves or view.hold)


def _stands(view: WorkerView) -> Stands:
    if view.leaves:
        return Stands.LEAVING
    if view.hold:
        emptying = Stands.DRAINED if view.drained else Stands.DRAINING
        return emptying if view.hold.drains else Stands.PAUSED
    if not view.usable:
        return Stands.UNUSABLE
    if view.seat and not view.seat.has_begun:
        return Stands.NO_ALLOCATION if view.is_unused else Stands.QUEUED
    if not view.up:
        return Stands.DOWN if view.tried else Stands.CONNECTING
    return Stands.BAD_PLACE if view.faults else Stands.UP
