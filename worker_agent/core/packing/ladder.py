"""A walk along numbers of jobs at a time: up while more get more done, down where fewer do.

A step is about a third more jobs, so that the same bound is a fair one for few and for many: a further job
beside ten can never add more than a tenth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Optional

GROWTH = 1.1
"""What a step up has to bring to be followed by another."""
KEPT = 1.04
"""What it has to bring to be kept: less may be chance, and costs memory."""
AGAIN_AFTER = 40
"""Jobs that end before numbers nearby are tried again, for later jobs may be of another kind …"""
MOST_PATIENT = 640
"""… twice as many each time that nothing came of it, but no more than these."""
_UNREACHED = 8
"""How many times as many jobs end before a number that was never reached is given up."""

Gain = Callable[[int, int], Optional[float]]
"""Returns by what factor the second number of jobs gets more done than the first; None is not known."""


def above(number: int) -> int:
    """Return the next number to try."""
    return number + max(1, number // 3)


def below(number: int) -> int:
    """Return the next smaller number to try; 1 has none and is its own."""
    return max(1, number - max(1, math.ceil(number / 4)))


@dataclass
class Ladder:
    """Where the walk is."""

    allowed: int
    """Jobs at a time."""
    before: Optional[int] = None
    """The number that `allowed` is being compared with; None while nothing is tried."""
    proven: bool = False
    """The present number, or the one before it, is known to get more done than fewer."""
    ended: int = 0
    """Jobs that have ended since the last decision."""
    patience: int = AGAIN_AFTER

    @classmethod
    def begin(cls, number: int) -> "Ladder":
        """Return a walk that begins at a number and tries more."""
        return cls(above(number), before=number, proven=number == 1)

    def decide(self, gain: Gain, reached: bool) -> bool:
        """Go a step where that is due, and return whether old measurements are to be forgotten.

        `reached` tells whether so many jobs have run at a time since the last decision.
        """
        if self.before is None:
            return self._begin_again()
        low, high = sorted((self.before, self.allowed))
        factor = gain(low, high)
        if factor is not None:
            (self._went_up if self.before == low else self._went_down)(factor)
        elif not reached and self.ended >= _UNREACHED * self.allowed and self.before == low:
            self._settle(low)
        return False

    def _went_up(self, factor: float) -> None:
        if factor > GROWTH:
            self.proven = True
            self._try(above(self.allowed))
        else:
            self._settle(self.allowed if factor > KEPT else self.before or 1)

    def _went_down(self, factor: float) -> None:
        if factor > KEPT:
            self.proven = True
            self._settle(self.before or 1)
        elif self.allowed == 1:
            self._settle(1)
        else:
            self._try(below(self.allowed))

    def _settle(self, number: int) -> None:
        """Stay, but where fewer were never tried, see whether they get as much done."""
        if number > 1 and not self.proven:
            self.allowed = number
            self._try(below(number))
        else:
            self.allowed, self.before, self.ended = number, None, 0

    def _try(self, number: int) -> None:
        self.before, self.allowed, self.ended = self.allowed, number, 0

    def _begin_again(self) -> bool:
        if self.ended < self.patience:
            return False
        self.patience, self.proven = min(MOST_PATIENT, 2 * self.patience), False
        self._try(above(self.allowed))
        return True
