"""When to look again: soon where a limit comes near, and never so often that looking costs much.  Pure."""

from __future__ import annotations

from typing import Optional

CALM_S, SOONEST_S, LATEST_S = 0.5, 0.05, 5.0
_MOST_OF_A_CORE = 0.05


def until_next_s(allowed: Optional[int], before: Optional[int], used: Optional[int], after_s: float) -> float:
    """Return after how many seconds to look again at what grew from `before` to `used` in `after_s`."""
    if allowed is None or used is None or after_s <= 0.0:
        return CALM_S
    growth = (used - (before or 0)) / after_s
    if growth <= 0.0:
        return CALM_S
    return min(CALM_S, max(SOONEST_S, (allowed - used) / growth / 2))


def pause_s(wanted_s: float, cost_s: float) -> float:
    """Return how long to wait where looking has just taken `cost_s`."""
    return min(LATEST_S, max(wanted_s, cost_s * (1 / _MOST_OF_A_CORE - 1)))
