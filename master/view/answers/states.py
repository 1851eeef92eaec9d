"""The states of jobs by name, in the order in which they are shown: what needs somebody comes first."""

from __future__ import annotations

from collections.abc import Mapping

from master.core.running.lifecycle import ENDED as _ENDED
from master.core.running.lifecycle import State

STATES = tuple(
    state.value
    for state in (
        *(State.FAILED, State.BLOCKED, State.RUNNING, State.COLLECTING, State.STAGING, State.ASSIGNED),
        *(State.READY, State.PENDING, State.CANCELLED, State.PRUNED, State.SUCCEEDED),
    )
)
ENDED = frozenset(state.value for state in _ENDED)
HOW_ENDED: Mapping[str, str] = {
    "succeeded": "has succeeded",
    "failed": "has failed",
    "cancelled": "was cancelled",
    "pruned": "was pruned",
    "blocked": "is blocked",
}
"""What is said of a job that has ended."""
NOBODY_WORKS = "no master of this machine works in this run"
GOES_ON = "the same command as before goes on with it"
"""With a run in which no master works."""


def counted(counts: Mapping[str, int]) -> str:
    """Return how many jobs are in each state: `2 failed, 1,204 succeeded`; nothing where there are none."""
    return ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts.get(state))
