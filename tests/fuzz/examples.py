"""How many examples a boundary is tried with: a few, always the same, unless somebody asks for more."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("TWOPHASE_FUZZ", "1"))


def tried(times: int) -> settings:
    """Return settings of a test that is usually tried so many times."""
    usual = FACTOR == 1
    return settings(
        max_examples=times * FACTOR,
        deadline=None,
        derandomize=usual,
        database=None,
        suppress_health_check=[*HealthCheck],
    )
