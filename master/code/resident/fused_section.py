"""The section `fused` of a trainer's manifest: which fields may differ between jobs that train at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from master.core.nearest import literal, unknown
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT
from master.intake.strict_json import Node
from master.specs import Fused
from worker_agent.protocol.script_contract import RESIDENT

_MAY_DIFFER, _PARTITION, _SAME_BITS = "may_differ", "partition", "same_bits"
_DEVICES = ("cpu", "gpu")


def fused_section(
    node: Node | None, executors: Collection[str], fields: Collection[str] | None
) -> Fused | None:
    """Return what a manifest says of jobs that train at once, None where it says nothing.

    `executors` and `fields` are what the same manifest says; None is that it does not list its fields.
    Raises ConfigError.
    """
    if node is None:
        return None
    node.as_object()
    node.only_keys((_MAY_DIFFER, _PARTITION, _SAME_BITS))
    if RESIDENT not in executors:
        node.fail(f"jobs that train at once share a process: `executors` must hold {literal(RESIDENT)} too")
    may_differ = frozenset(_names(node.get(_MAY_DIFFER), fields))
    if not may_differ:
        node.fail(f"has no fields in `{_MAY_DIFFER}`: jobs that differ in nothing are the same job")
    parting = tuple(_parting(node.get(_PARTITION), fields, may_differ))
    return Fused(may_differ, parting, frozenset(_devices(node.get(_SAME_BITS))))


def _names(node: Node | None, fields: Collection[str] | None) -> Iterator[str]:
    for item in node.items() if node else ():
        name = item.string()
        if name in NOT_FOR_THE_SCRIPT:
            item.fail(f"is {literal(name)}, a setting for Twophase: only flags of the trainer stand here")
        if fields is not None and name not in fields:
            item.fail(unknown(name, sorted(fields)))
        yield name


def _parting(node: Node | None, fields: Collection[str] | None, may_differ: frozenset[str]) -> Iterator[str]:
    for item, name in zip(node.items() if node else (), _names(node, fields), strict=True):
        if name in may_differ:
            item.fail(
                f"is {literal(name)}, which is in `{_MAY_DIFFER}` too: it can only be in one of the two"
            )
        yield name


def _devices(node: Node | None) -> Iterator[str]:
    for item in node.items() if node else ():
        name = item.string()
        if name not in _DEVICES:
            item.fail(unknown(name, _DEVICES))
        yield name
