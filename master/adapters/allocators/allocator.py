"""What an engine that lends machines is asked: one protocol, whatever the engine.

A *pool* has *seats*: workers, each of which has an *allocation*, waits for one, or wants none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from master.errors import RemoteError, TwophaseError


class AllocationState(Enum):
    """Where an allocation is."""

    QUEUED = "queued"
    RUNNING = "running"
    GONE = "gone"
    """It has ended, whyever."""


@dataclass(frozen=True)
class Allocation:
    """A machine that an engine lends to a seat, has lent, or will lend."""

    seat: str
    allocation_id: str
    state: AllocationState
    reason: str = ""
    """Why it waits, or how it ended, in the engine's words."""
    expected_at: float | None = None
    """When the engine expects it to begin, on our clock; None where it does not tell."""
    ends_at: float | None = None
    """When its time is over, on our clock; None before it runs, and where it has no end."""
    node: str = ""
    """The machine that it has; empty while it waits."""


@dataclass(frozen=True)
class Checked:
    """What an engine says of a pool before anything is submitted, in sentences."""

    problems: tuple[str, ...] = ()
    """No allocation would come, or none that is of use: each says what to do about it."""
    notes: tuple[str, ...] = ()
    """What is worth knowing: when an allocation would begin, what the engine does not check."""
    doubts: tuple[str, ...] = ()
    """Why allocations may be of no use; whether they are shows only when one runs."""


class AllocationRefused(TwophaseError):
    """The engine refuses an allocation: says what, where and what to do."""

    exit_code = 4

    def __init__(self, pool: str, problem: str, cure: str, said: str = "", *, passing: bool = False) -> None:
        """`passing`: it is a limit that makes room again when something ends; else asking again is no use."""
        self.pool, self.problem, self.cure, self.said, self.passing = pool, problem, cure, said, passing
        super().__init__(f"{pool}: {problem}; {cure}" + (f"\n{said}" if said else ""))


class LookFailed(RemoteError):
    """The engine did not answer: nothing is known of any allocation, and none has ended for that."""


class Allocator(Protocol):
    """One pool of one run.  Its methods may be called from one thread at a time.

    Every method raises SessionLost where the link to the engine's host breaks, and LookFailed where the
    engine does not answer: then another try may help.
    """

    def submit(self, seat: str) -> str:
        """Ask for an allocation for a seat; return its id.  One that the seat has already is taken instead.

        Raises AllocationRefused where the engine says no.
        """

    def look(self) -> Mapping[str, Allocation]:
        """Return the allocations of all of this run's seats, by seat, asked by one query.

        A seat that is not among them has none.  Where one has two that live, as after a submission that came
        through though nobody heard of it, one is its own from now on, and the other is given back.
        """

    def cancel(self, allocation_id: str) -> None:
        """Give an allocation back; one that has ended is no mistake."""

    def check(self) -> Checked:
        """Say what would come of a submission, without one."""

    def close(self) -> None:
        """Ask no more.  Allocations go on."""
