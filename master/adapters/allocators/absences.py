"""When an allocation that an engine does not name any more is believed to be gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from master.adapters.allocators.allocator import Allocation

BELIEVED_AFTER_S = 60.0
"""A controller that has just come back may know less than it will in a moment."""


@dataclass
class Absences:
    """What was last known of each seat's allocation, and since when it is missed.

    Times are seconds of any clock that never goes back.
    """

    known: dict[str, Allocation] = field(default_factory=dict)
    missed_since: dict[str, float] = field(default_factory=dict)

    def expect(self, allocation: Allocation) -> None:
        """Know an allocation that has just been asked for."""
        self.known[allocation.seat] = allocation
        self.missed_since.pop(allocation.seat, None)

    def seen(self, found: Mapping[str, Allocation], now: float) -> Mapping[str, Allocation]:
        """Take what a look has found; return what is to be believed of all seats."""
        for allocation in found.values():
            self.expect(allocation)
        for seat in self.known.keys() - found.keys():
            since = self.missed_since.setdefault(seat, now)
            if now - since >= BELIEVED_AFTER_S:
                del self.known[seat], self.missed_since[seat]
        return dict(self.known)

    def failed(self) -> None:
        """A look has failed: what is missed has to be missed for the whole time again."""
        self.missed_since.clear()
