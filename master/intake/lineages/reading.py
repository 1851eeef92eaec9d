"""Reads the `stages` of a jobs file whose jobs all run one script: generations of base models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from master.core.nearest import hint, shown
from master.core.planning.generations.lineages import LineageStage, split_problem
from master.core.planning.job_settings import NOT_IDENTIFYING
from master.core.planning.job_shape import JobShape
from master.intake.strict_json import Node
from master.specs import Config

STAGES = "stages"
NAME, FROM, FIELDS = "name", "from", "fields"
_SCRIPT = "script"


def has_lineage(value: Any) -> bool:
    """Tell whether a jobs file has stages of one script: they add fields, or stand beside jobs."""
    if not isinstance(value, dict) or not isinstance(value.get(STAGES), list):
        return False
    keys = {key for stage in value[STAGES] if isinstance(stage, dict) for key in stage}
    return FIELDS in keys or (_SCRIPT not in keys and bool(value.keys() - {"$schema", STAGES}))


def read_lineage(node: Node, configs: Iterable[Config], shape: JobShape) -> tuple[LineageStage, ...]:
    """Return the stages, the first generation first.  Raises ConfigError."""
    nodes = _named(node)
    listed = list(configs)
    _check_fields(nodes, {name for config in listed for name in config})
    order = _in_order(node, nodes)
    stages = tuple(LineageStage(name, frozenset(nodes[name].value[FIELDS])) for name in order)
    split = shape.leave_one_out
    if split and any(split.applies(config) for config in listed) and (wrong := split_problem(stages, split)):
        node.fail(wrong)
    return stages


def _named(node: Node) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for item in node.items():
        if _SCRIPT in item.as_object():
            item.fail(f"has a `{_SCRIPT}`, and stages with `{FIELDS}` are all trained by that of the jobs")
        item.only_keys((NAME, FROM, FIELDS))
        name = _needed(item, NAME).string()
        if name in nodes:
            item.fail(f"another stage is called {shown(name)}, too: give it another name")
        nodes[name] = item
    if not nodes:
        node.fail("there are no stages: give at least one, or leave the key out")
    return nodes


def _needed(node: Node, key: str) -> Node:
    found = node.get(key)
    return node.fail(f"`{key}` is missing") if found is None else found


def _check_fields(nodes: Mapping[str, Node], known: set[str]) -> None:
    of_stage: dict[str, str] = {}
    for stage, node in nodes.items():
        for item in _needed(node, FIELDS).items():
            name = item.string()
            if name not in known:
                item.fail(f"no job has the field {shown(name)}: {hint(name, known)}")
            if name.startswith("_") or name in NOT_IDENTIFYING:
                item.fail(f"{shown(name)} says how a job is run, no base model depends on it: leave it out")
            if name in of_stage:
                where = "here twice" if of_stage[name] == stage else f"in the stage {of_stage[name]}, too"
                item.fail(f"{shown(name)} is {where}: what comes of a stage depends on its fields anyway")
            of_stage[name] = stage


def _in_order(node: Node, nodes: Mapping[str, Node]) -> list[str]:
    """Return the names of stages, each after the one that it is from.  Raises ConfigError where they fork."""
    children: dict[str | None, str] = {}
    for name, item in nodes.items():
        source = item.get(FROM)
        parent = source.string() if source else None
        if source and parent == name:
            source.fail("a stage cannot be from itself: name the one whose base models it starts from")
        if source and parent not in nodes:
            source.fail(f"no stage is called {shown(parent)}: {hint(str(parent), nodes)}")
        if parent in children:
            whose = f"from {parent}" if parent else f"without `{FROM}`"
            advice = "let one be from the other, or give its jobs a file of their own"
            item.fail(f"{children[parent]} is {whose}, too, and a job starts from one base model: {advice}")
        children[parent] = name
    order: list[str] = []
    while (following := children.get(order[-1] if order else None)) is not None:
        order.append(following)
    if len(order) < len(nodes):
        circle = ", ".join(name for name in nodes if name not in order)
        node.fail(f"{circle} go round in a circle: the first stage is the one without `{FROM}`")
    return order
