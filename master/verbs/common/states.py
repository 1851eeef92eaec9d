"""The states of jobs by name, in the order in which they are shown: what needs somebody comes first."""

from __future__ import annotations

from master.core.running.lifecycle import ENDED as _ENDED
from master.core.running.lifecycle import State

STATES = tuple(
    state.value
    for state in (
        *(State.FAILED, State.BLOCKED, State.RUNNING, State.COLLECTING, State.STAGING, State.ASSIGNED),
        *(State.READY, State.PENDING, State.CANCELLED, State.SUCCEEDED),
    )
)
ENDED = frozenset(state.value for state in _ENDED)
GOES_ON = "the same command as before goes on with it"
"""With a run in which no master works."""
