"""Asks the engine of one pool: submits, gives back and looks, on a thread of its own, a few times a minute.

Everything that it learns becomes an event.  A start of a master takes over what an earlier one left, for it
finds allocations by their names; and what it is not sure of having submitted, it looks for first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue

from master import steady_clock
from master.adapters.allocators.allocator import (
    Allocation,
    AllocationRefused,
    AllocationState,
    Allocator,
)
from master.adapters.inbox import Inbox, Received
from master.core.harmless import brief
from master.core.running import events as ev
from master.specs import PoolSpec

LOOK_S = 30.0
"""Between two looks, for an engine's controller serves a whole site."""
DOUBTED_S = 60.0
"""A submission of which nobody knows whether it came through is believed lost after that."""
CLOSE_S = 150.0
UNNAMED = "the queue does not name it any more"

Clock = Callable[[], float]
_TROUBLE = Exception
"""Whatever it is, nothing is known now, and a next try may do: a thread that has died would wait for ever."""


class Keeper:
    """Keeps the allocations of one pool.  `submit`, `cancel` and `allocation` may be called by any thread."""

    def __init__(
        self,
        pool: PoolSpec,
        allocator: Allocator,
        inbox: Inbox,
        every_s: float = LOOK_S,
        clock: Clock = steady_clock.now,
    ) -> None:
        """`clock` dates events; it looks every so many seconds."""
        self._pool, self._allocator, self._inbox = pool, allocator, inbox
        self._every_s, self._clock = every_s, clock
        self._seats = frozenset(seat.name for seat in pool.all_seats)
        self._known: dict[str, Allocation] = {}
        self._doubted: dict[str, float] = {}
        """Seats, and when it was that a submission for them failed in an unclear way."""
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"pool-{pool.name}", daemon=True)
        self._gives_back = False
        self.problems: list[str] = []
        """What may be left of it, once it has ended."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def allocation(self, seat: str) -> Allocation | None:
        """Return what was last known of a seat's allocation."""
        return self._known.get(seat)

    def submit(self, seat: str) -> None:
        """Ask for an allocation for a seat."""
        self._tasks.put(lambda: self.submit_now(seat))

    def cancel(self, seat: str, allocation: str) -> None:
        """Give an allocation back."""
        self._tasks.put(lambda: self.cancel_now(seat, allocation))

    def begin_close(self, *, gives_back: bool) -> None:
        """Have the thread end, and first, where the run is over, give all allocations back."""
        self._gives_back = gives_back
        self._tasks.put(None)

    def join(self) -> None:
        """Wait until it has ended."""
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self.problems.append(
                left_text(self._pool, self._known, TimeoutError(f"no answer within {CLOSE_S:g} s"))
            )

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            try:
                task = self._tasks.get(timeout=max(0.0, due - time.monotonic()))
            except Empty:
                self.look_now()
                due = time.monotonic() + self._every_s
                continue
            if task is None:
                break
            task()
        if self._gives_back:
            self.give_all_back()
        self._allocator.close()

    # ---- on the thread

    def submit_now(self, seat: str) -> None:
        """Submit, and tell what came of it; where nobody knows, the next looks will tell."""
        try:
            number = self._allocator.submit(seat)
        except AllocationRefused as error:
            why = brief(str(error)).removeprefix(f"{self._pool.name}: ")
            self._tell(ev.SeatRefused(self._clock(), seat, why, error.passing))
        except _TROUBLE as error:
            self._doubted[seat] = self._clock()
            self._tell(ev.PoolUnseen(self._clock(), self._pool.name, brief(str(error))))
        else:
            self._doubted.pop(seat, None)
            self._known[seat] = Allocation(seat, number, AllocationState.QUEUED)
            self._tell(ev.SeatPending(self._clock(), seat, number))

    def cancel_now(self, seat: str, allocation: str) -> None:
        """Give an allocation back; the looks that follow tell that it has ended."""
        known = self._known.get(seat)
        number = allocation or (known.allocation_id if known else "")
        try:
            if number:
                self._allocator.cancel(number)
        except _TROUBLE as error:
            self._tell(ev.PoolUnseen(self._clock(), self._pool.name, brief(str(error))))

    def look_now(self) -> None:
        """Look at all seats, and tell how each stands."""
        try:
            found = self._allocator.look()
        except _TROUBLE as error:
            self._tell(ev.PoolUnseen(self._clock(), self._pool.name, brief(str(error))))
            return
        at = self._clock()
        for seat in sorted(self._seats):
            self._take(seat, found.get(seat), at)
        self._tell(ev.PoolSeen(at, self._pool.name))

    def _take(self, seat: str, found: Allocation | None, at: float) -> None:
        """Tell how a seat stands."""
        known = self._known.get(seat)
        if found is None or found.state is AllocationState.GONE:
            is_of_before = found is not None and known is not None and _is_other(found, known)
            if known is not None and not is_of_before:
                del self._known[seat]
                self._tell(ev.SeatEnded(at, seat, found.reason if found else UNNAMED))
            elif known is None:
                self._doubt(seat, at)
            return
        self._known[seat] = found
        self._doubted.pop(seat, None)
        number = found.allocation_id
        if found.state is AllocationState.RUNNING:
            self._tell(ev.SeatRunning(at, seat, number, found.ends_at, found.node))
        else:
            self._tell(ev.SeatPending(at, seat, number, brief(found.reason), found.expected_at))

    def _doubt(self, seat: str, at: float) -> None:
        since = self._doubted.get(seat)
        if since is not None and at - since >= DOUBTED_S:
            del self._doubted[seat]
            self._tell(ev.SeatEnded(at, seat, "it could not be submitted"))

    def give_all_back(self) -> None:
        """End all allocations of the run, those too of which nobody knew; tell what could not be ended."""
        left = dict(self._known)
        try:
            left |= self._allocator.look()
        except _TROUBLE as error:
            self.problems.append(left_text(self._pool, left, error))
        if unheard := sorted(self._doubted.keys() - left.keys()):
            late = TimeoutError(f"nobody knows whether one for {', '.join(unheard)} comes through")
            self.problems.append(left_text(self._pool, {}, late))
        for each in left.values():
            if each.state is AllocationState.GONE:
                continue
            try:
                self._allocator.cancel(each.allocation_id)
            except _TROUBLE as error:
                self.problems.append(left_text(self._pool, {each.seat: each}, error))

    def _tell(self, event: ev.Event) -> None:
        self._inbox.put(Received(event, getattr(event, "worker", "")))


def _is_other(found: Allocation, known: Allocation) -> bool:
    return found.allocation_id != known.allocation_id


def left_text(pool: PoolSpec, left: Mapping[str, Allocation], error: Exception) -> str:
    """Say which allocations may be left, and what ends them."""
    numbers = " ".join(each.allocation_id for each in left.values())
    advice = f"`scancel {numbers}` there ends them" if numbers else "`squeue --me` there lists them"
    return (
        f"{pool.name}: allocations may be left on {pool.login.name} ({brief(str(error))});"
        f" they end when they have nothing to do, and {advice}"
    )
