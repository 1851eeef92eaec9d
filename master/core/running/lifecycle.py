"""The life of a job: one table of state × trigger.  A missing entry is a defect and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from master.errors import InternalError


class State(str, Enum):
    """Where a job stands."""

    PENDING = "pending"
    """Waits for its base model, or for Phase 1 with `--strict-phases`."""
    READY = "ready"
    ASSIGNED = "assigned"
    """Given to a worker, which has not said anything of it yet."""
    STAGING = "staging"
    """The worker waits for an artefact."""
    RUNNING = "running"
    COLLECTING = "collecting"
    """Succeeded on the worker; the outcome is on its way home."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PRUNED = "pruned"
    """Ended early, as it did worse than others like it: no failure, and it may go on from its checkpoint."""
    BLOCKED = "blocked"
    """Its base model failed, or was cancelled."""


class Trigger(str, Enum):
    """What can happen to a job."""

    UNLOCK = "unlock"
    """All that it waits for is home."""
    BLOCK = "block"
    ASSIGN = "assign"
    STAGE = "stage"
    START = "start"
    FINISH = "finish"
    COLLECT = "collect"
    RETRY = "retry"
    LOSE = "lose"
    """The attempt is gone, or its worker has been silent for the length of a lease."""
    WITHDRAW = "withdraw"
    """The master took the attempt back."""
    ADOPT = "adopt"
    """An orphaned attempt goes on after all."""
    DROP = "drop"
    """An orphaned attempt has ended without success, or is not needed; `Dropped` tells which and how."""
    FAIL = "fail"
    CANCEL = "cancel"
    """The run is being ended."""
    USER_CANCEL = "user cancel"
    """Its user cancelled the job: it stays so until a retry."""
    MEASURE = "measure"
    """It has come to a mark at which it is compared with others; `Measured` tells what it had come to."""
    PRUNE = "prune"
    """It is told to end, as it does worse than others; `Measured` tells the mark at which."""
    SHELVE = "shelve"
    """It was told so, and has ended: what it left to go on from is kept."""
    PROMOTE = "promote"
    """It is to go on after all, as others have come to worse."""
    LOCK = "lock"
    """Its base model turned out to be damaged."""
    REDO = "redo"
    """What it made turned out to be damaged."""
    REVIVE = "revive"
    """The run was started again, or its user wants another try."""


SPARING = frozenset({Trigger.FINISH, Trigger.PROMOTE, Trigger.REVIVE, Trigger.USER_CANCEL})
"""After these a job is not one that was told to end for doing worse than others."""
WITH_A_WORKER = frozenset({State.ASSIGNED, State.STAGING, State.RUNNING, State.COLLECTING})
QUEUED = frozenset({State.ASSIGNED, State.STAGING})
"""States in which the attempt can be withdrawn."""
ADOPTING = frozenset({State.READY, State.ASSIGNED, State.STAGING, State.RUNNING})
"""States in which an orphaned attempt may still win …"""
FORGETTING = frozenset({Trigger.COLLECT, Trigger.LOCK, Trigger.REDO, Trigger.USER_CANCEL, Trigger.SHELVE})
"""… and what ends that for good: what has failed, or did not come home, may be tried again."""
ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.PRUNED, State.BLOCKED})
REMARKS = frozenset({Trigger.MEASURE, Trigger.PRUNE})
"""What the journal has of a job that changes where it stands for nobody else."""

_CANCELLED = {Trigger.USER_CANCEL: State.CANCELLED}
_ATTEMPT_ENDS = {
    Trigger.FINISH: State.COLLECTING,
    Trigger.COLLECT: State.SUCCEEDED,
    Trigger.RETRY: State.READY,
    Trigger.LOSE: State.READY,
    Trigger.WITHDRAW: State.READY,
    Trigger.FAIL: State.FAILED,
    Trigger.CANCEL: State.CANCELLED,
    **_CANCELLED,
    Trigger.ADOPT: State.RUNNING,
}
_ENDED_IN_VAIN = {Trigger.REVIVE: State.PENDING, **_CANCELLED}

TABLE: dict[State, dict[Trigger, State]] = {
    State.PENDING: {
        Trigger.UNLOCK: State.READY,
        Trigger.COLLECT: State.SUCCEEDED,
        Trigger.BLOCK: State.BLOCKED,
        Trigger.DROP: State.PENDING,
        **_CANCELLED,
    },
    State.READY: {
        Trigger.ASSIGN: State.ASSIGNED,
        Trigger.FAIL: State.FAILED,
        Trigger.COLLECT: State.SUCCEEDED,
        Trigger.LOCK: State.PENDING,
        **_CANCELLED,
        Trigger.ADOPT: State.RUNNING,
        Trigger.DROP: State.READY,
    },
    State.ASSIGNED: {
        **_ATTEMPT_ENDS,
        Trigger.STAGE: State.STAGING,
        Trigger.START: State.RUNNING,
        Trigger.DROP: State.ASSIGNED,
    },
    State.STAGING: {
        **_ATTEMPT_ENDS,
        Trigger.STAGE: State.STAGING,
        Trigger.START: State.RUNNING,
        Trigger.DROP: State.STAGING,
    },
    State.RUNNING: {
        **_ATTEMPT_ENDS,
        Trigger.STAGE: State.RUNNING,
        Trigger.START: State.RUNNING,
        Trigger.DROP: State.RUNNING,
        Trigger.MEASURE: State.RUNNING,
        Trigger.PRUNE: State.RUNNING,
        Trigger.SHELVE: State.PRUNED,
    },
    State.COLLECTING: {
        Trigger.COLLECT: State.SUCCEEDED,
        Trigger.RETRY: State.READY,
        Trigger.LOSE: State.READY,
        Trigger.FAIL: State.FAILED,
        Trigger.STAGE: State.COLLECTING,
        Trigger.START: State.COLLECTING,
        Trigger.FINISH: State.COLLECTING,
        Trigger.DROP: State.COLLECTING,
    },
    State.SUCCEEDED: {Trigger.REDO: State.READY},
    State.FAILED: {**_ENDED_IN_VAIN, Trigger.DROP: State.FAILED},
    State.CANCELLED: {
        **_ENDED_IN_VAIN,
        Trigger.DROP: State.CANCELLED,
        Trigger.COLLECT: State.SUCCEEDED,
    },
    State.PRUNED: {**_ENDED_IN_VAIN, Trigger.PROMOTE: State.READY, Trigger.DROP: State.PRUNED},
    State.BLOCKED: {**_ENDED_IN_VAIN, Trigger.DROP: State.BLOCKED},
}


def next_state(job_id: str, state: State, trigger: Trigger, history: Iterable[str] = ()) -> State:
    """Return the state after `trigger`.  Raises InternalError, which tells the job's history."""
    try:
        return TABLE[state][trigger]
    except KeyError:
        story = "; ".join(history)
        raise InternalError(f"{job_id} cannot {trigger.value} while {state.value} ({story})") from None
