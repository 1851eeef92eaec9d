"""What is known of a worker: plain data, like all of the state."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from master.core.running.events import Attempt
from master.core.running.fleet.holds import Hold
from master.core.running.fleet.seats import Seat, SeatState
from worker_agent.protocol.outcome import Outcome
from worker_agent.protocol.terms import MOST_ON_A_GPU, MOST_SLOTS, NO_LIMITS, JobLimits


@dataclass(slots=True)
class WorkerView:
    """What is known of a worker."""

    name: str
    number: int = 0
    """Its place in the cluster config."""
    up: bool = False
    ever_up: bool = False
    tried: bool = False
    usable: bool = True
    reason: str = ""
    """Why it is not up or not usable."""
    since: float = 0.0
    """When `up` last changed."""
    idle_since: float | None = None
    """Since when it has had room that nothing was ready for."""
    faults: int = 0
    """How often in a row its place was bad: while it was, it gets one attempt at a time …"""
    fault: str = ""
    """… with what was wrong last …"""
    bad_since: float = 0.0
    """… and when it began."""
    paused: bool = False
    """It gets nothing …"""
    paused_until: float = 0.0
    """… until then."""
    probe: Attempt | None = None
    """The attempt that shows whether the place is good again …"""
    probed_since: float | None = None
    """… and since when that runs."""
    hold: Hold | None = None
    """A user wants it to be given nothing."""
    drained: bool = False
    """It has been told that nothing of the run is there any more, since the hold began."""
    leaves: Hold | None = None
    """It is being removed from the run, and goes once nothing of the run is there any more."""
    ending: set[Attempt] = field(default_factory=set)
    """Attempts that were there when it came up and no job waits for: they end before it is free, or goes."""
    untold: set[Attempt] = field(default_factory=set)
    """Attempts at jobs that a user has cancelled whose end it has still to tell."""
    resumed_at: float = 0.0
    """When a user last let it be used again: nobody has waited for it before."""
    most: int | None = None
    """A user wants at most so many slots' worth on it."""
    raised: int = 0
    """For that its agent was asked to have at least so many slots; 0: those of its config."""
    slots: int = 0
    held_by_others: float = 0
    gpu_bytes: tuple[int, ...] = ()
    """What each GPU has to give; 0 where it is not known."""
    slots_per_gpu: int | None = None
    """None where GPUs are shared by memory."""
    left_alone: tuple[str, ...] = ()
    """Its GPUs that get no new jobs now, each with the reason."""
    labels: frozenset[str] = frozenset()
    limits: JobLimits = NO_LIMITS
    """What it allows every job."""
    cores: int = 0
    """0 where it is not known."""
    memory_bytes: int = 0
    """0 where it is not known."""
    claims: dict[Attempt, float] = field(default_factory=dict)
    """How many slots' worth an attempt takes, where it is not one."""
    attempts: set[Attempt] = field(default_factory=set)
    """Assigned here and not ended."""
    collecting: set[Attempt] = field(default_factory=set)
    """Succeeded here and not home."""
    reattached: set[Attempt] = field(default_factory=set)
    """Orphaned, but still here: they race with the attempts that replaced them.  Or of jobs that a user has
    cancelled, which are being ended."""
    cached: set[str] = field(default_factory=set)
    """Content hashes."""
    expected_models: dict[str, None] = field(default_factory=dict)
    """`spec_hash` of the base models that it caches or will soon, in the order of their coming."""
    delivering: set[str] = field(default_factory=set)
    """What is on its way to it, is to be, or is being checked there."""
    failed_deliveries: Counter[str] = field(default_factory=Counter)
    seat: Seat | None = None
    """What is known of its allocation, where it is a seat of a pool."""
    disk: str = ""
    """Names the disk of its cache, which others may read; empty where that is not known."""
    is_peer: bool = False
    """Others can take artefacts from it, and it from them."""
    failed_fetches: int = 0
    """How often it could not have from its disk what another worker with that disk has."""

    @property
    def most_slots(self) -> int:
        """How many jobs at a time its agent can be asked to have."""
        return MOST_ON_A_GPU * len(self.gpu_bytes) or MOST_SLOTS

    @property
    def available(self) -> bool:
        """Whether it can be given attempts."""
        return self.up and self.usable

    @property
    def is_unused(self) -> bool:
        """True for a seat without an allocation: nothing runs there, and that is no fault."""
        return self.seat is not None and self.seat.state is SeatState.NONE

    @property
    def is_past(self) -> bool:
        """True for a seat of which no allocation runs, or is to: that a link to it fails is no news."""
        return self.seat is not None and self.seat.state is not SeatState.RUNS

    @property
    def loss(self) -> Outcome:
        """How an attempt ends that goes down with it: allocations end, so on a seat that is no loss."""
        return Outcome.LOST if self.seat is None else Outcome.EVICTED

    @property
    def is_silent(self) -> bool:
        """True for a worker that ought to answer and does not: not for a seat whose allocation is to come."""
        missed = self.seat is None or self.seat.has_begun or bool(self.collecting)
        return missed and not self.up

    @property
    def trouble(self) -> str:
        """Why it is not up, not usable, or has been paused; empty where all is well."""
        held = f"{self.hold.word}{self.hold.signed}" if self.hold else ""
        return held or self.fault or self.reason if self.available else self.reason or self.fault or held

    def room(self, lookahead: int) -> float:
        """How many slots' worth of attempts it can take now."""
        if not self.available or self.paused or self.hold or (self.faults and self.probe):
            return 0.0
        most = self.slots - self.held_by_others + lookahead
        return (most if self.most is None else min(most, self.most)) - self.used

    @property
    def used(self) -> float:
        """How many slots' worth its attempts take."""
        held = len(self.attempts) + len(self.reattached)
        return held - len(self.claims) + sum(self.claims.values()) if self.claims else held

    @property
    def ends_jobs(self) -> bool:
        """True while a user wants what runs on it to be interrupted."""
        return bool((self.hold and self.hold.at_once) or (self.leaves and self.leaves.at_once))

    @property
    def busy(self) -> bool:
        """True while something of this run is to be had from it."""
        return bool(self.attempts or self.collecting)
