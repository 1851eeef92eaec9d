"""Which jobs one process can train at once: pure, from what a trainer's manifest says of its fields."""

from __future__ import annotations

from master.core.planning.identity import canonical_json
from master.core.planning.job_settings import (
    COLLECT_RULES,
    FUSE,
    JOB_EXECUTOR,
    JOB_ID,
    PREFIX,
    STALL_TIMEOUT,
    TIMEOUT,
    resources_of,
)
from master.core.planning.setting_kinds import FUSED_BY_ITSELF
from master.specs import Config, Fused
from worker_agent.protocol.script_contract import RESIDENT

MOST_TOGETHER = 64
"""Jobs of one group where its user does not say how many."""
_OWN = frozenset(setting.name for setting in (JOB_ID, PREFIX, TIMEOUT, STALL_TIMEOUT, COLLECT_RULES))


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


def most_together(config: Config) -> int:
    """Return how many jobs at most train at once where one of them has these fields; 1: it trains alone.

    What runs as a process of its own, as its user wants or its limits need, shares none, nor on several GPUs.
    """
    needs = resources_of(config)
    if JOB_EXECUTOR.of(config, RESIDENT) != RESIDENT or needs.limits or (needs.gpus or 1) > 1:
        return 1
    asked = FUSE.of(config, FUSED_BY_ITSELF)
    return MOST_TOGETHER if asked == FUSED_BY_ITSELF else asked or 1


def siblings_of(fused: Fused | None, phase: int, config: Config) -> str:
    """Return the key of a job's siblings; empty where it trains alone."""
    return sibling_key(fused, phase, config) if fused and most_together(config) > 1 else ""
