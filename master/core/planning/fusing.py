"""Which jobs one process can train at once: pure, from what a trainer's manifest says of its fields."""

from __future__ import annotations

from dataclasses import dataclass

from master.core.planning.identity import canonical_json
from master.core.planning.job_settings import COLLECT_RULES, JOB_ID, PREFIX, STALL_TIMEOUT, TIMEOUT
from master.specs import Config

_OWN = frozenset(setting.name for setting in (JOB_ID, PREFIX, TIMEOUT, STALL_TIMEOUT, COLLECT_RULES))


@dataclass(frozen=True)
class Fused:
    """What a trainer says of jobs that it can train at once."""

    may_differ: frozenset[str]
    """Fields in which such jobs may differ; all others must be equal."""
    partition: tuple[str, ...] = ()
    """Fields of which a reader would expect that they may differ, and that must not: shapes, mostly."""


def sibling_key(fused: Fused, phase: int, config: Config) -> str:
    """Return what siblings have in common, as text: jobs with equal keys can train at once.

    What a job is called, how long it may take and which of its files come home are its own affair; what it
    needs of a machine and what runs it are not.  A field that is null is one that is left out.
    """
    parting = {
        name: value
        for name, value in config.items()
        if value is not None
        and name not in fused.may_differ
        and name not in _OWN
        and not name.startswith("_")
    }
    return canonical_json([phase, parting])
