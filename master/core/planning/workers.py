"""The workers of a cluster config, as a plan tells of them, and what jobs may take there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from master.core.planning.job_limits import allows, told
from master.core.planning.plan import Plan
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from worker_agent.protocol.messages import AUTO
from worker_agent.protocol.terms import JobLimits

_MOST_LINES = 3


@dataclass(frozen=True)
class PlannedWorker:
    """A worker of the cluster config and, where it was asked, whether it answers."""

    name: str
    slots: int | None
    """Jobs at a time; None where the worker is to decide."""
    gpus: int | None
    """None where the worker is to find out."""
    reachable: bool | None = None
    """None where it was not tried."""
    reason: str = ""
    """Why it is of no use."""
    missing: tuple[str, ...] = ()
    """What jobs would not find there, where it was asked."""
    gpu_bytes: tuple[int, ...] = ()
    """What jobs may have of each GPU, where it was asked; 0 where it does not know."""
    lent: str = ""
    """Of a pool, which stands for all of its seats: how many these are, and for how long each lasts."""
    notes: tuple[str, ...] = ()
    """What else there is to know of a pool, where it was asked."""
    limits_kept: str = ""
    """How it keeps limits of jobs, a word of `protocol.terms`, where it was asked."""


def planned_workers(cluster: ClusterSpec) -> list[PlannedWorker]:
    """Return the workers of a cluster config, none of them tried; each pool stands for all of its seats."""
    machines = [_planned(server) for server in machines_of(cluster)]
    return [*machines, *(_planned_pool(pool) for pool in cluster.pools)]


def machines_of(cluster: ClusterSpec) -> list[ServerSpec]:
    """Return the workers of a cluster config that are no seats of a pool."""
    return [server for server in cluster.servers if server.pool is None]


def _planned_pool(pool: PoolSpec) -> PlannedWorker:
    seats = "1 seat" if pool.seats == 1 else f"{pool.seats} seats"
    lent = f"{seats} for {_hours(pool.time_s)}{' each' if pool.seats > 1 else ''}"
    gpus = 0 if not pool.login.agent.gpus else None
    return PlannedWorker(pool.name, None, gpus, lent=lent)


def _hours(seconds: float) -> str:
    """Return a length of time as users write it: `90m`, `4h`, `2d`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _planned(server: ServerSpec) -> PlannedWorker:
    asked = server.agent
    if asked.gpus == [AUTO]:
        return PlannedWorker(server.name, None, None)
    slots = len(asked.gpus) * (asked.slots_per_gpu or 1) or asked.cpu_slots
    return PlannedWorker(server.name, slots, len(asked.gpus))


def notes_on_limits(plan: Plan, cluster: ClusterSpec) -> Iterator[str]:
    """Yield what there is to say of limits, nothing where there are none."""
    asked = Counter(job.resources.limits for job in plan.jobs if job.resources.limits)
    yield from _first(
        [f"{_jobs(count)} may take {told(limits)} each" for limits, count in asked.most_common()]
    )
    bounds: dict[JobLimits, list[str]] = {}
    for server in cluster.servers:
        if server.limits:
            bounds.setdefault(server.limits, []).append(server.name)
    yield from _first(
        [f"any job on {_named(names)} may take {told(bound)}" for bound, names in bounds.items()]
    )
    for bound, names in bounds.items():
        barred = sum(count for limits, count in asked.items() if not allows(bound, limits))
        if barred:
            yield f"{_jobs(barred)} may take more than {_named(names)} allows, and will not run there"


def _first(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"limits: {line}" for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"limits: … and {len(lines) - _MOST_LINES} more kinds"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_LINES} more" if len(names) > _MOST_LINES else ""
    return ", ".join(names[:_MOST_LINES]) + more


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"
