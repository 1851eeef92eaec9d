"""What is known of pools and their seats: plain data.

A pool is a source of machines that an engine such as Slurm lends.  A seat is a worker of a pool: it has an
allocation, waits for one, or needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SeatState(str, Enum):
    """Where a seat stands."""

    NONE = "none"
    """It has no allocation, and has not asked for one."""
    ASKED = "asked"
    """An allocation is being submitted."""
    QUEUED = "queued"
    """Its allocation waits in the engine's queue."""
    RUNS = "runs"
    """Its allocation runs; its agent may still have to answer."""
    ENDING = "ending"
    """Its allocation is being given back."""


@dataclass(slots=True)
class Seat:
    """What is known of a seat beside what is known of any worker."""

    pool: str
    state: SeatState = SeatState.NONE
    allocation: str = ""
    """The engine's id of it."""
    reason: str = ""
    """Why it waits, in the engine's words; or how the last one ended."""
    expected_at: float | None = None
    """Unix time when the engine expects it to begin."""
    ends_at: float | None = None
    """Unix time when it ends at the latest."""
    node: str = ""
    since: float = 0.0
    """Since when it has been in this state."""
    up_at: float | None = None
    """When the agent of this allocation answered first."""
    worked: bool = False
    """It has been given something to do in this allocation."""
    idle_since: float | None = None
    """Since when it has had nothing to do."""
    drains: bool = False
    """Its agent begins nothing more: the allocation is about to end."""

    @property
    def has_begun(self) -> bool:
        """True from the beginning of an allocation to its end."""
        return self.state in (SeatState.RUNS, SeatState.ENDING)

    def turn(self, state: SeatState, at: float) -> None:
        """Change the state; a seat without an allocation knows nothing of one."""
        if state is self.state:
            return
        self.state, self.since = state, at
        if state in (SeatState.NONE, SeatState.ASKED):
            self.allocation = self.node = ""
            self.expected_at = self.ends_at = self.up_at = self.idle_since = None
            self.worked = self.drains = False


@dataclass(slots=True)
class Pool:
    """What is known of a pool, and what its user allows."""

    name: str
    seats: int
    time_s: float
    idle_s: float
    queued: int = 1
    """So many allocations at most wait in the queue at once."""
    seen: bool = False
    """The engine has told what there is: nothing is submitted before that."""
    unseen_since: float | None = None
    """Since when it has not …"""
    unseen_why: str = ""
    """… and why not."""
    slots: int = 0
    """Of a seat, as the last one that was up had them; 0 before."""
    gpu_bytes: tuple[int, ...] = ()
    """Of a seat's GPUs, in the same way."""
    refusal: str = ""
    """Why the engine took no allocation when it was asked last …"""
    is_passing: bool = True
    """… whether that passes by itself, as a limit on how many there may be does …"""
    refusals: int = 0
    """… and how often in a row."""
    in_vain: int = 0
    """So many allocations in a row have brought nothing: no agent answered, or nothing there was for it."""
    not_before: float = 0.0
    """Nothing is submitted before that."""
    unwanted_since: float | None = None
    """Since when it has had no allocation, and has wanted none."""
    needless_since: float | None = None
    """Since when nothing has been ready for its seats."""

    @property
    def trouble(self) -> str:
        """Why it lends nothing; empty where all is well."""
        if self.unseen_why:
            return f"cannot be looked at: {self.unseen_why}"
        if self.refusal:
            return f"gives no allocation: {self.refusal}"
        return f"{self.in_vain} allocations in a row brought nothing" if self.in_vain > 1 else ""
