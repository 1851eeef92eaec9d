"""The section `resumes` of a trainer's manifest: which trainings go on from others, with the same result."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import MappingProxyType
from typing import Any

from master.core.nearest import literal, unknown
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT
from master.intake.strict_json import Node
from master.specs import Rungs

_FIELD, _HORIZON, _NOT_WITH = "field", "horizon", "not_with"


def resumes_section(node: Node | None, fields: Collection[str] | None) -> Rungs | None:
    """Return what a manifest says of trainings that go on from others, None where it says nothing.

    `fields` are those that the same manifest lists; None: it lists none.  Raises ConfigError.
    """
    if node is None:
        return None
    node.as_object()
    node.only_keys((_FIELD, _HORIZON, _NOT_WITH))
    field, horizon = node.get(_FIELD), node.get(_HORIZON)
    if field is None:
        node.fail(f"has no `{_FIELD}`: the one of which trainings with more go on from those with less")
    name, over = _flag(field, fields), _flag(horizon, fields) if horizon else ""
    if horizon and over == name:
        horizon.fail(f"is {literal(over)}, the field itself: a schedule over it has no common beginning")
    return Rungs(name, over, MappingProxyType(dict(_not_with(node.get(_NOT_WITH), fields))))


def _flag(node: Node, fields: Collection[str] | None) -> str:
    return _checked(node, node.string(), fields)


def _checked(node: Node, name: str, fields: Collection[str] | None) -> str:
    if name in NOT_FOR_THE_SCRIPT:
        node.fail(f"is {literal(name)}, a setting for Twophase: only flags of the trainer stand here")
    if fields is not None and name not in fields:
        node.fail(unknown(name, sorted(fields)))
    return name


def _not_with(node: Node | None, fields: Collection[str] | None) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name, values in node.members() if node else ():
        if not values.as_list():
            values.fail("is empty: list the values with which no training goes on from another")
        yield _checked(values, name, fields), tuple(values.value)
