"""Reads the settings of the cluster config that bound what a job may use up."""

from __future__ import annotations

from typing import Any

from master.core.nearest import literal
from master.core.quantities import SIZES, seconds, size_bytes
from master.intake.strict_json import Node
from master.specs import ServerSpec
from worker_agent.protocol.messages import LEAST_LOG_BYTES

LIMIT_KEYS = ("kill_grace_s", "log_limit", "checkpoint_limit", "cache_limit")
_LONGEST_GRACE_S = 3600.0


def limits(node: Node, above: ServerSpec) -> dict[str, Any]:
    """Return the limits that the top level or a server sets, over those from `above`.  Raises ConfigError."""
    grace, log, checkpoint, cache = (node.get(key) for key in LIMIT_KEYS)
    return {
        "kill_grace_s": _grace(grace) if grace else above.kill_grace_s,
        "checkpoint_limit_bytes": _size(checkpoint, 1) if checkpoint else above.checkpoint_limit_bytes,
        "cache_limit_bytes": _size(cache, 1) if cache else above.cache_limit_bytes,
        "log_limit_bytes": _size(log, LEAST_LOG_BYTES) if log else above.log_limit_bytes,
    }


def _grace(node: Node) -> float:
    found = 0.0 if type(node.value) in (int, float) and node.value == 0 else seconds(node.value)
    if found is None or found > _LONGEST_GRACE_S:
        node.fail(f'is {literal(node.value)}, allowed are 0 to 3600 seconds, or text like "90s" or "15m"')
    return found


def _size(node: Node, least: int) -> int:
    found = size_bytes(node.value)
    if found is None or found < least:
        node.fail(f"is {literal(node.value)}, allowed is, from {least:,} bytes on, {SIZES}")
    return found
