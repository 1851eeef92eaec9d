"""Which ready task a worker with room gets: pure choices over plain data."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from master.core.planning.plan import Task
from master.core.planning.resources import Resources

LOOKAHEAD_S = 0.25
"""Workers hold so many seconds of work in hand, to bridge the way to the master and back."""
MAX_LOOKAHEAD = 256


def lookahead(slots: int, mean_duration_s: float | None) -> int:
    """Return how many attempts a worker gets beyond its slots: none unless jobs are very short."""
    if mean_duration_s is None:
        return 0
    return min(MAX_LOOKAHEAD, int(slots * LOOKAHEAD_S / max(mean_duration_s, 1e-4)))


_Kind = tuple[str, float | None, int | None, Resources]


def _kind(task: Task) -> _Kind:
    """Return what the choice of a worker and the order depend on."""
    return task.kind, task.expected_s, task.gpu_bytes, task.resources


class ReadyTasks:
    """Tasks that may start, grouped by the base model that they start from and by kind."""

    def __init__(self) -> None:
        self._phase1: dict[str, Task] = {}
        self._groups: dict[str | None, dict[_Kind, dict[str, Task]]] = {}
        self.gpu_bytes: Counter[int] = Counter()
        """How many tasks say that they need so much GPU memory."""
        self.resources: Counter[Resources] = Counter()
        """How many tasks need this of a machine."""
        self._sizes: Counter[str | None] = Counter()
        self._holders: Counter[str | None] = Counter()

    def __len__(self) -> int:
        return len(self._phase1) + self._sizes.total()

    def __contains__(self, task: Task) -> bool:
        return task.task_id in self._container(task)

    def _container(self, task: Task) -> Mapping[str, Task]:
        if task.makes:
            return self._phase1
        return self._groups.get(task.needs, {}).get(_kind(task), {})

    def add(self, task: Task) -> None:
        """Put a task at the end of its group."""
        if task in self:
            return
        self.resources[task.resources] += 1
        if task.gpu_bytes is not None:
            self.gpu_bytes[task.gpu_bytes] += 1
        if task.makes:
            self._phase1[task.task_id] = task
            return
        kinds = self._groups.setdefault(task.needs, {})
        kinds.setdefault(_kind(task), {})[task.task_id] = task
        self._sizes[task.needs] += 1

    def discard(self, task: Task) -> None:
        """Take a task out if it is in."""
        if task not in self:
            return
        self.resources[task.resources] -= 1
        if not self.resources[task.resources]:
            del self.resources[task.resources]
        if task.gpu_bytes is not None:
            self.gpu_bytes[task.gpu_bytes] -= 1
            self.gpu_bytes += Counter()
        if task.makes:
            del self._phase1[task.task_id]
            return
        kinds = self._groups[task.needs]
        kind = _kind(task)
        del kinds[kind][task.task_id]
        self._sizes[task.needs] -= 1
        if not kinds[kind]:
            del kinds[kind]
        if not kinds:
            del self._groups[task.needs]

    def hold(self, spec_hash: str | None) -> None:
        """Note that one more worker has the base model."""
        self._holders[spec_hash] += 1

    def larger_than(self, gpu_bytes: int) -> list[Task]:
        """Return the tasks that say that they need more GPU memory."""
        return [task for task in self._all() if (task.gpu_bytes or 0) > gpu_bytes]

    def with_resources(self, resources: Resources) -> list[Task]:
        """Return the tasks that need just this of a machine."""
        return [task for task in self._all() if task.resources == resources]

    def _all(self) -> Iterator[Task]:
        groups = (tasks for kinds in self._groups.values() for tasks in kinds.values())
        return (task for tasks in (self._phase1, *groups) for task in tasks.values())

    def candidates(
        self,
        held: Collection[str],
        expected_s: Callable[[Task], float],
        fits: Callable[[Task], bool] = lambda task: True,
    ) -> Iterator[Task]:
        """Yield the tasks for a worker that holds the base models `held`, the best first.

        `fits` is asked of one task of each kind, and tells whether the worker can ever run such.

        A higher priority goes before all else.  Base models to train come first, for others wait for them.
        Then what needs no transfer, the longest first; then the rest, where the base model with most work for
        each worker that holds it goes first.
        The tasks must not change while it is in use.
        """
        for priority in sorted({each.priority for each in self.resources}, reverse=True):

            def counts(task: Task, priority: int = priority) -> bool:
                return task.resources.priority == priority and fits(task)

            yield from self._by_nearness(held, expected_s, counts)

    def _by_nearness(
        self, held: Collection[str], expected_s: Callable[[Task], float], fits: Callable[[Task], bool]
    ) -> Iterator[Task]:
        yield from filter(fits, self._phase1.values())
        near = [spec for spec in (None, *held) if spec in self._groups]
        yield from self._ranked(near, expected_s, fits)
        seen = set(near)
        yield from self._ranked([spec for spec in self._groups if spec not in seen], expected_s, fits)

    def _ranked(
        self, specs: list[str | None], expected_s: Callable[[Task], float], fits: Callable[[Task], bool]
    ) -> Iterator[Task]:
        ranked: list[tuple[float, float, int, dict[str, Task]]] = []
        for spec in specs:
            crowding = -self._sizes[spec] / (1 + self._holders[spec])
            for tasks in self._groups[spec].values():
                first = next(iter(tasks.values()))
                if fits(first):
                    ranked.append((-expected_s(first), crowding, len(ranked), tasks))
        heapq.heapify(ranked)
        while ranked:
            yield from heapq.heappop(ranked)[-1].values()
