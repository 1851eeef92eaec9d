"""The workers of a cluster config, as a plan tells of them."""

from __future__ import annotations

from dataclasses import dataclass

from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.messages import AUTO


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


def planned_workers(cluster: ClusterSpec) -> list[PlannedWorker]:
    """Return the workers of a cluster config, none of them tried."""
    return [_planned(server) for server in cluster.servers]


def _planned(server: ServerSpec) -> PlannedWorker:
    asked = server.agent
    if asked.gpus == [AUTO]:
        return PlannedWorker(server.name, None, None)
    slots = len(asked.gpus) * (asked.slots_per_gpu or 1) or asked.cpu_slots
    return PlannedWorker(server.name, slots, len(asked.gpus))
