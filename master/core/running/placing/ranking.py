"""A queue of things whose standing changes while they wait."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Standing = tuple[float, int]
"""What is lower comes first; no two things have the same at a time."""
Thing = TypeVar("Thing", bound=Hashable)


class Ranking(Generic[Thing]):
    """A sorted list: of a few thousand, moving some along costs less than a tree would.

    What rises in standing must be `put` again; what falls, or goes, is noticed when it comes up.
    """

    def __init__(self, standing: Callable[[Thing], Standing | None]) -> None:
        """`standing` tells how a thing stands now; None for one that is gone."""
        self._standing = standing
        self._sorted: list[tuple[Standing, Thing]] = []
        self._noted: dict[Thing, Standing] = {}

    def __len__(self) -> int:
        return len(self._sorted)

    def put(self, thing: Thing) -> None:
        """Take a thing in, or note how it stands now."""
        now, then = self._standing(thing), self._noted.get(thing)
        if now == then:
            return
        if then is not None:
            del self._sorted[bisect_left(self._sorted, (then, thing))]
            del self._noted[thing]
        if now is not None:
            self._noted[thing] = now
            insort(self._sorted, (now, thing))

    def best(self) -> Thing | None:
        """Return what stands first, and leave it where it is; None where there is nothing."""
        return next((thing for _, thing in self.in_order()), None)

    def take(self, thing: Thing) -> None:
        """Take a thing out."""
        del self._sorted[bisect_left(self._sorted, (self._noted.pop(thing), thing))]

    def in_order(self) -> Iterator[tuple[Standing, Thing]]:
        """Yield all that is here, the first first.  Nothing may change while it is in use."""
        place = 0
        while place < len(self._sorted):
            then, thing = self._sorted[place]
            now = self._standing(thing)
            if now == then:
                yield then, thing
                place += 1
            else:
                self.put(thing)
