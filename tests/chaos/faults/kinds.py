"""The table of the kinds of faults: a function each, in the modules beside this one.

To add a kind, write a function of a `Scene` under `@kind(…)`.  It harms `scene.station` (the worker that
the schedule chose), `scene.place.master` or the run directory, and raises NothingToHitError where there
is nothing to harm.  What lasts yields for how many seconds, and mends it after (`with`, `finally`).  What it
may cost is told by `spoils`: the judge refuses every other execution that was done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.evidence import Spoils
from tests.chaos.place import Scene

Does = Callable[[Scene], "Iterator[float] | None"]


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    name: str
    does: Does
    spoils: Spoils
    rots: bool
    on_worker: bool

    @property
    def told(self) -> str:
        """What it does, in a sentence."""
        return (self.does.__doc__ or "").strip().splitlines()[0]


KINDS: dict[str, Kind] = {}


def kind(
    spoils: Spoils = Spoils.NOTHING, *, rots: bool = False, on_worker: bool = True
) -> Callable[[Does], Does]:
    """Put a function into the table under its own name."""

    def enter(does: Does) -> Does:
        name = does.__name__
        KINDS[name] = Kind(name, does, spoils, rots, on_worker)
        return does

    return enter
