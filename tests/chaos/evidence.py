"""What is known of a run from outside, for the judge.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tests.chaos.tally import Execution


class Spoils(Enum):
    """Which executions a kind of fault may cost: they, and no others, may be done again."""

    NOTHING = "nothing"
    JOB = "the job that it hit"
    WORKER = "what its worker had not handed over"
    UNRECORDED = "what was not recorded yet, on all workers"
    STORE = "the trainings of base models"


@dataclass(frozen=True)
class Happened:
    """A fault that was done."""

    kind: str
    spoils: Spoils
    begun: float
    ended: float
    worker: str | None = None
    job: str | None = None
    rots: bool = False
    """Base models on the worker may be damaged from then on, until somebody looks."""


@dataclass(frozen=True)
class Expected:
    """What was asked for."""

    base: str
    """The digest of the base model that the job must start from; of a training, that it must make."""
    succeeds: bool = True
    tries: int = 1
    """How often it may run without a fault: more where its script asks for it or fails."""


@dataclass(frozen=True)
class Published:
    """What lies in the place of a job's result."""

    nonce: str
    digest: str
    first_nonce: str
    """The one that lay there when a result was first seen."""
    records: int = 1
    """How often the journal says that it was recorded."""


@dataclass(frozen=True)
class Evidence:
    """All of it, of one run directory."""

    expected: Mapping[str, Expected]
    ran: Sequence[Execution]
    results: Mapping[str, Published]
    """Of the experiments; base models are judged by what was trained and by what was read."""
    faults: Sequence[Happened] = ()
