"""What a job says that it needs of a machine, in its setting `resources`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from master.core.nearest import hint, literal, shown, unknown
from master.core.planning.job_limits import loosest
from master.core.quantities import SIZES, size_bytes
from worker_agent.protocol.terms import NO_LIMITS, JobLimits

MOST_CPUS = 100_000
MOST_GPUS = 64
MOST_PRIORITY = 1_000_000
_LABEL = re.compile(r"[\w.-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Resources:
    """What a job needs, and how much it matters; what it does not say is None or empty."""

    labels: frozenset[str] = frozenset()
    """Only workers with all of them."""
    cpus: int | None = None
    memory: int | None = None
    """Bytes."""
    gpu_memory: int | None = None
    """Bytes."""
    gpus: int | None = None
    """On one machine; `gpu_memory` is of each."""
    priority: int = 0
    """Higher ones start first."""
    limits: JobLimits = NO_LIMITS
    """What it may take: a machine that allows less is none for it."""

    @property
    def restrict(self) -> bool:
        """Whether they say anything of the machine: a priority alone does not."""
        return replace(self, priority=0) != NO_RESOURCES


NO_RESOURCES = Resources()


def resources(value: Any) -> Resources | None:
    """Return what an object says; None where it is wrong."""
    if wrong_resources(value):
        return None
    given = {key: item for key, item in value.items() if item is not None}
    for key in ("memory", "gpu_memory"):
        if key in given:
            given[key] = size_bytes(given[key])
    return Resources(**{**given, "labels": frozenset(given.get("labels", ()))})


def wrong_resources(value: Any) -> str:
    """Say what is wrong with an object of resources, as a predicate; "" where nothing is."""
    if not isinstance(value, Mapping):
        return f"is {literal(value)}, allowed is an object of {', '.join(_KEYS)}"
    for key, item in value.items():
        if key not in _KEYS:
            return f"has a key {unknown(str(key), _KEYS)}"
        if item is not None and (allowed := _KEYS[key](item)):
            return f"has {key} {literal(item)}, allowed {allowed}"
    return ""


def shared_resources(needs: Iterable[Resources]) -> Resources:
    """Return what the base model of several jobs needs: enough for each, on a machine that all may use."""
    every = list(needs)
    return Resources(
        labels=frozenset.intersection(*(each.labels for each in every)),
        cpus=_most(each.cpus for each in every),
        memory=_most(each.memory for each in every),
        gpu_memory=_most(each.gpu_memory for each in every),
        gpus=_most(each.gpus for each in every),
        priority=max(each.priority for each in every),
        limits=loosest(each.limits for each in every),
    )


def with_labels(needs: Resources, labels: Iterable[str]) -> Resources:
    """Return the needs with these labels besides."""
    return replace(needs, labels=needs.labels.union(labels))


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _labels(value: Any) -> str:
    fits = isinstance(value, list) and all(isinstance(item, str) and _LABEL.fullmatch(item) for item in value)
    return "" if fits else "is a list of labels: letters, digits and . _ -"


def _whole(low: int, high: int) -> Callable[[Any], str]:
    def allowed(value: Any) -> str:
        return (
            "" if type(value) is int and low <= value <= high else f"are whole numbers from {low} to {high}"
        )

    return allowed


def _size(value: Any) -> str:
    return "" if size_bytes(value) is not None else f"is {SIZES}"


_KEYS: dict[str, Callable[[Any], str]] = {
    "labels": _labels,
    "cpus": _whole(1, MOST_CPUS),
    "memory": _size,
    "gpu_memory": _size,
    "gpus": _whole(1, MOST_GPUS),
    "priority": _whole(-MOST_PRIORITY, MOST_PRIORITY),
}
"""Key → what is allowed instead of a value, "" where it is allowed."""


def no_machine_has(labels: frozenset[str], machines: Iterable[Iterable[str]]) -> str:
    """Say why no machine has all of these labels; "" where one has."""
    there = [frozenset(each) for each in machines]
    if any(labels <= each for each in there):
        return ""
    known = frozenset[str]().union(*there)
    for label in sorted(labels - known):
        return f"no server has the label {shown(label)}: {hint(label, known)}"
    return f"no server has all of the labels {', '.join(map(shown, sorted(labels)))}"
