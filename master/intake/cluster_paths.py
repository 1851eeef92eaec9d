"""Paths of the cluster config: on the head node, on a worker, and in a job's working directory."""

from __future__ import annotations

from pathlib import Path

from master.core.nearest import shown
from master.intake.strict_json import Node
from master.specs import DataDir
from worker_agent.protocol.trainer_start import TRAINER_CODE

_RESERVED = {"experiments": "jobs write their results", TRAINER_CODE: "jobs see a trainer's code"}
"""Names in a job's working directory that are no data, and what they are."""


def head_path(node: Node, folder: Path) -> str:
    """Return a path on the head node; a relative one is relative to `folder`, a leading `~` stays."""
    text = node.string()
    return text if text.startswith("~") else str(folder / text)


def worker_path(node: Node) -> str:
    """Return a path on a worker, which must be absolute or begin with `~`."""
    text = node.string()
    if not text.startswith(("/", "~")):
        node.fail(f"{shown(text)} must begin with / or ~/, since it is a path on the worker")
    return text


def data_dirs(node: Node, above: tuple[DataDir, ...], folder: Path) -> tuple[DataDir, ...]:
    """Return the directories of a `data` setting over those from `above`, in order.

    Raises ConfigError for a name that is no safe relative path or that lies inside another one.
    """
    given = {name: _data_dir(name, value, folder) for name, value in node.members()}
    merged = {**{each.name: each for each in above}, **given}
    for name in given:
        inside = [other for other in merged if other != name and _is_inside(name, other)]
        if inside:
            node.fail(f"{shown(name)} and {shown(inside[0])} lie inside each other, name only the outer one")
    return tuple(merged.values())


def _data_dir(name: str, value: Node, folder: Path) -> DataDir:
    parts = name.split("/")
    unsafe = any(part in ("", ".", "..") or part.startswith("-") for part in parts)
    if unsafe or not name.isprintable() or "\\" in name or name.startswith("~"):
        value.fail(f"the name {shown(name)} must be a relative path without `..`, such as data/windows")
    if parts[0] in _RESERVED:
        value.fail(f"the name {shown(name)} is not allowed: {parts[0]} is where {_RESERVED[parts[0]]}")
    if isinstance(value.value, str):
        return DataDir(name, worker_path(value))
    value.only_keys(("sync",))
    sync = value.get("sync")
    if sync is None:
        value.fail('must be a path on the worker, or {"sync": "path on the head node"}')
    return DataDir(name, head_path(sync, folder), sync=True)


def _is_inside(name: str, other: str) -> bool:
    return f"{name}/".startswith(f"{other}/") or f"{other}/".startswith(f"{name}/")
