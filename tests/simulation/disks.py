"""Disks that several workers of a simulated run have their caches on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.simulation.scene import Scene
from tests.simulation.worker import Worker
from worker_agent.protocol.artefacts.fetching import Source


def share_disks(workers: Sequence[Worker], scene: Scene) -> None:
    """Let workers have the disks of their scene."""
    for number, worker in enumerate(workers if scene.disks else ()):
        worker.disk = f"disk{number % scene.disks}"
    cloned = workers[-1] if scene.cloned else None
    if cloned and scene.disks:
        cloned.disk = workers[0].disk
    for worker in workers:
        mates = [other for other in workers if other is not worker and other.disk == worker.disk]
        known = [other for other in mates if other is not cloned and worker is not cloned]
        worker.machine.borrow = partial(_borrow, worker, known)


def _borrow(worker: Worker, mates: Sequence[Worker], name: str) -> tuple[Source, str | None]:
    """Take an artefact from whoever has it; what is rotten is found out."""
    cache = worker.machine.cache
    if cache.get(name) == "present":
        return Source.HERE, None
    if worker.machine.disk_is_full:
        return Source.DISK, "no space left"
    held = [mate.machine.cache.get(name) for mate in mates]
    if "present" in held:
        cache[name] = "present"
        worker.tally.borrowed += 1
        return Source.DISK, None
    return Source.DISK, "it is rotten there" if any(held) else "nowhere"
