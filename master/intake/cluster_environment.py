"""What the cluster config says of the jobs' environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from master.core.nearest import shown
from master.intake.strict_json import Node, refuse_twice

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_THE_AGENT = re.compile(r"TWOPHASE_.*|CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER")


def name_problem(name: str) -> str:
    """Return why a variable of the jobs' environment cannot have this name, "" where it can."""
    if not _NAME.fullmatch(name):
        return f"{shown(name)} is not a variable's name: allowed are letters, digits and _"
    if _OF_THE_AGENT.fullmatch(name):
        return f"{shown(name)} is set by the agent for each job and cannot be set here"
    return ""


def env(node: Node, above: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables of an `env` setting over those from `above`."""
    return {**above, **dict(_assignments(node))}


def _assignments(node: Node) -> Iterator[tuple[str, str]]:
    for name, value in node.members():
        if problem := name_problem(name):
            value.fail(problem)
        if not isinstance(value.value, str) or "\0" in value.value:
            value.fail('must be a string: put the value in quotes, as in "1"')
        yield name, value.value


def env_from(node: Node, above: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return the names of an `env_from` setting after those from `above`."""
    names = tuple(item.string() for item in node.items())
    for item in node.items():
        if problem := name_problem(item.value):
            item.fail(problem)
    refuse_twice(node, names, "variable")
    return (*above, *(name for name in names if name not in above))


def setup(node: Node) -> list[str]:
    """Return shell lines: a list of them, or one."""
    return [node.string()] if isinstance(node.value, str) else [item.string() for item in node.items()]
