"""Ports that remember what they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from worker_agent.core.shares import Device
from worker_agent.runtime.spool import Body, Memory, record_of


class Workers:
    """Threads that have done their work as soon as they are asked for an answer."""

    def __init__(self) -> None:
        self.work: list[Callable[[], object]] = []
        self.deleted: list[Path] = []
        self.synced: list[Callable[[], None]] = []

    def hash(self, work: Callable[[], object]) -> None:
        self.work.append(work)

    look = idle = wait = hash

    def tell(self, answer: object) -> None:
        self.work.append(lambda: answer)

    def delete(self, tree: Path) -> None:
        self.deleted.append(tree)

    def sync(self, work: Callable[[], None]) -> None:
        self.synced.append(work)

    def tidy(self) -> None:
        """Nothing waits."""

    def answers(self) -> Iterator[object]:
        work, self.work = self.work, []
        return (item() for item in work)


class Records:
    """A spool that a test may say is full."""

    def __init__(self) -> None:
        self.memory, self.lines, self.kinds = Memory(), dict[int, bytes](), list[str]()
        self.failure: str | None = None

    def put(self, body: Body) -> None:
        self.kinds.append(record_of(body)["kind"])

    def write(self) -> bool:
        self.kinds.append("write")
        return self.failure is None

    def sync(self) -> None:
        self.kinds.append("sync")


class Locks:
    """Locks of which others hold what a test says."""

    def __init__(self) -> None:
        self.held_by_others: dict[str, int] = {}
        self.freed: list[str] = []

    def others(self, device: Device, ours: int) -> int:
        return self.held_by_others.get(device.name, 0) & ~ours

    def take(self, slot: str, devices: Sequence[Device]) -> int | None:
        raise PermissionError(13, "no", slot)

    def free(self, slot: str) -> None:
        self.freed.append(slot)
