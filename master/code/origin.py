"""What is known of how results come about before any job has run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from master.code.code_history import CodeStart
from master.specs import EMPTY, Config


@dataclass(frozen=True)
class JobFacts:
    """What the head node knows of a job whatever becomes of its attempts."""

    parameters: Config = field(default_factory=lambda: EMPTY)
    """Fields of the job, or whatever else it was asked for by."""
    varied: Collection[str] = ()
    """The fields that are not the same in all jobs of the run."""
    base_model: str | None = None
    """`spec_hash` of what it starts from."""
    command: Sequence[str] = ()
    """The words that start it, in the project root; what only the worker knows stands in braces."""
    rung: Config = field(default_factory=lambda: EMPTY)
    """Of a base model that is one: what its manifest says of how it was trained."""
    same_bits: frozenset[str] = frozenset()
    """Of `cpu` and `gpu`: where its result does not depend on who trains with it (`Fused.same_bits`)."""


@dataclass(frozen=True)
class Described:
    """What is known of an attempt before it says anything."""

    facts: JobFacts = field(default_factory=JobFacts)
    code: CodeStart | None = None
    """None where a job is shown the user's files as they are."""
    run_id: str | None = None
    epoch: int | None = None
    """Number of the run's start that brings it home."""
