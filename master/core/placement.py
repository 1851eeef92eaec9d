"""Which ready task a worker with room gets: pure choices over plain data."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from master.core.plan import Task

LOOKAHEAD_S = 0.25
"""Workers hold so many seconds of work in hand, to bridge the way to the master and back."""
MAX_LOOKAHEAD = 256


def lookahead(slots: int, mean_duration_s: float | None) -> int:
    """Return how many attempts a worker gets beyond its slots: none unless jobs are very short."""
    if mean_duration_s is None:
        return 0
    return min(MAX_LOOKAHEAD, int(slots * LOOKAHEAD_S / max(mean_duration_s, 1e-4)))


class ReadyTasks:
    """Tasks that may start, grouped by the base model that they start from and by kind."""

    def __init__(self) -> None:
        self._phase1: dict[str, Task] = {}
        self._groups: dict[str | None, dict[tuple[str, float | None], dict[str, Task]]] = {}
        self._sizes: Counter[str | None] = Counter()
        self._holders: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._phase1) + self._sizes.total()

    def __contains__(self, task: Task) -> bool:
        return task.task_id in self._container(task)

    def _container(self, task: Task) -> Mapping[str, Task]:
        if task.makes:
            return self._phase1
        return self._groups.get(task.needs, {}).get((task.kind, task.expected_s), {})

    def add(self, task: Task) -> None:
        """Put a task at the end of its group."""
        if task in self:
            return
        if task.makes:
            self._phase1[task.task_id] = task
            return
        kinds = self._groups.setdefault(task.needs, {})
        kinds.setdefault((task.kind, task.expected_s), {})[task.task_id] = task
        self._sizes[task.needs] += 1

    def discard(self, task: Task) -> None:
        """Take a task out if it is in."""
        if task not in self:
            return
        if task.makes:
            del self._phase1[task.task_id]
            return
        kinds = self._groups[task.needs]
        kind = task.kind, task.expected_s
        del kinds[kind][task.task_id]
        self._sizes[task.needs] -= 1
        if not kinds[kind]:
            del kinds[kind]
        if not kinds:
            del self._groups[task.needs]

    def hold(self, spec_hash: str | None) -> None:
        """Note that one more worker has the base model."""
        self._holders[spec_hash] += 1

    def candidates(self, held: Collection[str], expected_s: Callable[[Task], float]) -> Iterator[Task]:
        """Yield the tasks for a worker that holds the base models `held`, the best first.

        Base models to train come first, for others wait for them.  Then what needs no transfer, the longest
        first; then the rest, where the base model with most work for each worker that holds it goes first.
        The tasks must not change while it is in use.
        """
        yield from self._phase1.values()
        near = [spec for spec in (None, *held) if spec in self._groups]
        yield from self._ranked(near, expected_s)
        seen = set(near)
        yield from self._ranked([spec for spec in self._groups if spec not in seen], expected_s)

    def _ranked(self, specs: list[str | None], expected_s: Callable[[Task], float]) -> Iterator[Task]:
        ranked: list[tuple[float, float, int, dict[str, Task]]] = []
        for spec in specs:
            crowding = -self._sizes[spec] / (1 + self._holders[spec])
            for tasks in self._groups[spec].values():
                ranked.append((-expected_s(next(iter(tasks.values()))), crowding, len(ranked), tasks))
        heapq.heapify(ranked)
        while ranked:
            yield from heapq.heappop(ranked)[-1].values()
