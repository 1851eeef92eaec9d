"""What happens when, from a seed.  Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Planned:
    """A fault to come."""

    kind: str
    worker: int
    """Which worker it hits, if it hits one."""
    after_s: float
    """The time between progress after the fault before and this one."""
    seed: int
    """For whatever else the fault draws."""


def schedule(seed: int, kinds: Sequence[str], workers: int) -> Iterator[Planned]:
    """Yield faults without end: every kind once in a random order, then every kind again in another."""
    draw = random.Random(f"chaos {seed}")
    while True:
        for kind in draw.sample(sorted(kinds), len(kinds)):
            yield Planned(kind, draw.randrange(workers), draw.uniform(0.2, 2.0), draw.getrandbits(32))
