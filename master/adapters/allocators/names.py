"""What the allocations of a run are called: a second start of its master finds them by that."""

from __future__ import annotations

_RUN_LETTERS = 16
"""What two runs of one user share would be taken, and given back, by each of them."""


def allocation_name(run_id: str, seat: str) -> str:
    """Return the name of a seat's allocation."""
    return f"tp-{run_id[:_RUN_LETTERS]}-{seat}"
