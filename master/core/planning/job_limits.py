"""What a job may take of a machine, in its setting `limits` and in the cluster config."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple
from typing import Any

from master.core.nearest import literal, unknown
from master.core.quantities import SIZES, size_bytes
from worker_agent.protocol.terms import CGROUP, NO_LIMITS, SCOPE, WATCHED, JobLimits

LIMIT_KEYS = ("memory", "processes", "output")
MOST_PROCESSES = 1_000_000
_WHOLE = f"are whole numbers from 1 to {MOST_PROCESSES}"


def job_limits(value: Any) -> JobLimits | None:
    """Return what an object says; None where it is wrong."""
    if wrong_limits(value):
        return None
    return JobLimits(*(_READ[key](value.get(key)) for key in LIMIT_KEYS))


def wrong_limits(value: Any) -> str:
    """Say what is wrong with an object of limits, as a predicate; "" where nothing is."""
    if not isinstance(value, Mapping):
        return f"is {literal(value)}, allowed is an object of {', '.join(LIMIT_KEYS)}"
    for key, item in value.items():
        if key not in LIMIT_KEYS:
            return f"has a key {unknown(str(key), LIMIT_KEYS)}"
        if item is not None and _READ[key](item) is None:
            return f"has {key} {literal(item)}, allowed {_WHOLE if key == 'processes' else f'is {SIZES}'}"
    return ""


def tightest(asked: JobLimits, bound: JobLimits) -> JobLimits:
    """Return what holds for a job where the machine has a bound of its own."""
    pairs = zip(astuple(asked), astuple(bound), strict=True)
    return JobLimits(*(min((each for each in pair if each is not None), default=None) for pair in pairs))


def most_of(key: str, asked: JobLimits, bound: JobLimits) -> float:
    """Return how much a job may take of one thing where the machine has a bound of its own; inf for all."""
    found = dict(zip(LIMIT_KEYS, astuple(tightest(asked, bound)), strict=True))[key]
    return math.inf if found is None else float(found)


def loosest(limits: Iterable[JobLimits]) -> JobLimits:
    """Return what holds for what several jobs share: nothing where one of them has no limit."""
    every = [astuple(each) for each in limits]
    return JobLimits(*(None if None in values else max(values) for values in zip(*every, strict=True)))


def allows(bound: JobLimits, asked: JobLimits) -> bool:
    """Return whether a job asks for no more than a machine's bound."""
    return bound is NO_LIMITS or not any(beyond(bound, asked))


def beyond(bound: JobLimits, asked: JobLimits) -> Iterator[str]:
    """Yield what a job asks for beyond a machine's bound, as keys."""
    pairs = zip(LIMIT_KEYS, astuple(asked), astuple(bound), strict=True)
    return (key for key, mine, most in pairs if mine is not None and most is not None and mine > most)


def told(limits: JobLimits) -> str:
    """Return limits for the user."""
    parts = (
        f"memory {told_size(limits.memory_bytes)}" if limits.memory_bytes else "",
        f"processes {limits.processes}" if limits.processes else "",
        f"output {told_size(limits.output_bytes)}" if limits.output_bytes else "",
    )
    return ", ".join(filter(None, parts)) or "none"


def told_size(size: int) -> str:
    """Return a size for the user, in the unit in which it is short."""
    unit, name = next((each for each in _UNITS if size >= each[0]), (1, "B"))
    return f"{size / unit:.4g} {name}"


_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def _processes(value: Any) -> int | None:
    return value if type(value) is int and 1 <= value <= MOST_PROCESSES else None


_READ: dict[str, Callable[[Any], int | None]] = {
    "memory": size_bytes,
    "processes": _processes,
    "output": size_bytes,
}


_KEPT = {
    CGROUP: "limits kept by the kernel (cgroup)",
    SCOPE: "limits kept by the kernel (systemd scope)",
    WATCHED: "limits watched, twice a second",
}


def kept(how: str) -> str:
    """Say how a worker keeps limits, by the word of its agent."""
    return _KEPT.get(how, "LIMITS OF JOBS ARE NOT KEPT THERE")
