"""Reads `prune` of a jobs file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from master.core.nearest import hint, shown
from master.intake.strict_json import Node
from master.specs import ASHA, MAXIMIZE, MEDIAN, MINIMIZE, PRUNED_BY, Config, JobSpec, PruneSpec

PRUNE, BY, METRIC, DIRECTION, STEP, WITHIN = "prune", "by", "metric", "direction", "step", "within"
COMMON = (BY, METRIC, DIRECTION, STEP, WITHIN)
NUMBERS: dict[str, dict[str, tuple[str, int]]] = {
    ASHA: {"min": ("least_steps", 1), "eta": ("eta", 2)},
    MEDIAN: {"warm_up": ("least_steps", 1), "every": ("every", 1), "jobs": ("least_jobs", 1)},
}
"""By rule: key → field of `PruneSpec`, and the least that it may be."""
_MOST = 10**9


def read_prune(top: Node, configs: Sequence[Config]) -> PruneSpec | None:
    """Return when the jobs of a file are stopped early; None where it says nothing of that.

    Raises ConfigError.
    """
    node = top.get(PRUNE)
    if node is None:
        return None
    node.as_object()
    by = _one_of(_needed(node, BY), PRUNED_BY)
    node.only_keys((*COMMON, *NUMBERS[by]))
    spec = PruneSpec(by, _needed(node, METRIC).string())
    if direction := node.get(DIRECTION):
        spec = replace(spec, direction=_one_of(direction, (MINIMIZE, MAXIMIZE)))
    if step := node.get(STEP):
        spec = replace(spec, step=step.string())
    if within := node.get(WITHIN):
        spec = replace(spec, within=tuple(_fields(within, configs)))
    numbers: dict[str, int] = {}
    for key, (field, least) in NUMBERS[by].items():
        if number := node.get(key):
            numbers[field] = number.integer(least, _MOST)
    return replace(spec, **numbers)  # type: ignore[arg-type]


def contests(jobs: Iterable[JobSpec], spec: PruneSpec) -> tuple[JobSpec, ...]:
    """Return jobs with what tells which of them are compared: their values of the fields in `within`."""
    return tuple(replace(job, contest=_contest(job.config, spec.within)) for job in jobs)


def _contest(config: Config, within: Iterable[str]) -> str:
    return json.dumps({name: config[name] for name in within if name in config}, sort_keys=True)


def _needed(node: Node, key: str) -> Node:
    found = node.get(key)
    return node.fail(f"`{key}` is missing") if found is None else found


def _one_of(node: Node, known: Sequence[str]) -> str:
    name = node.string()
    if name not in known:
        node.fail(f"is {shown(name)}: {hint(name, known)}")
    return name


def _fields(node: Node, configs: Iterable[Config]) -> Iterable[str]:
    known = {name for config in configs for name in config}
    for item in node.items():
        name = item.string()
        if name not in known:
            item.fail(f"no job has the field {shown(name)}: {hint(name, known)}")
        yield name
