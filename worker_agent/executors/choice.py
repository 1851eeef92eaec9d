"""All executors of one agent: each task goes to the one that it asks for, or that can run it."""

from __future__ import annotations

import selectors
import signal
from dataclasses import replace
from typing import Dict, List, Optional, Tuple

from worker_agent.executors.base import Exit, Key, Started, StartError, Task
from worker_agent.executors.process import ProcessExecutor
from worker_agent.executors.warm import Order, WarmStarter, let_go


class Executors:
    """An executor that chooses among executors.

    A warm task that cannot be one runs as a process; its exit says why.
    """

    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()
        self._process = ProcessExecutor()
        self._warm = WarmStarter(self._selector)
        self._how: Dict[Key, Tuple[str, str]] = {}
        """What runs a task, and why."""
        self._stopped: List[Exit] = []

    def fileno(self) -> int:
        """Return a descriptor that is readable when `started` or `poll` has work but for ended children."""
        return self._selector.fileno()

    def close(self) -> None:
        """Give back what the executors hold."""
        self._warm.close()
        self._selector.close()
        self._process.close()

    def start(self, key: Key, task: Task) -> Optional[int]:
        """Start a task and return its pid, None where `started` is going to tell it.  Raises StartError."""
        if task.executor != "warm":
            return self._run_apart(key, task, "")
        try:
            why = self._warm.start(key, task)
        except OSError as error:
            why = f"the preloaded process cannot be started: {error.strerror}"
        return self._run_apart(key, task, why) if why else None

    def started(self) -> List[Started]:
        """Return what became of the starts under way; tasks that were stopped meanwhile only end."""
        return [self._begin(order, pid, why) for order, pid, why in self._warm.poll()]

    def stop(self, key: Key, grace_s: float) -> None:
        """Ask a task to end, as `ProcessExecutor.stop` does; one that has not begun ends at once."""
        if self._warm.cancel(key):
            self._stopped.append(Exit(key, -signal.SIGINT, None, 0.0, "warm"))
        self._process.stop(key, grace_s)

    def poll(self) -> List[Exit]:
        """Return the tasks that ended since the last call."""
        exits = [self._told(item) for item in self._process.poll()]
        stopped, self._stopped = self._stopped, []
        return [*exits, *stopped]

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if no child ends; None for never."""
        return 0.0 if self._stopped else self._process.wait_s()

    def _run_apart(self, key: Key, task: Task, why: str) -> int:
        """Run a task as a process, `why` not as what it asks for.  Raises StartError."""
        pid = self._process.start(key, task)
        self._how[key] = ("process", why)
        return pid

    def _begin(self, order: Order, pid: int, why: str) -> Started:
        if pid:
            self._process.adopt(order.key, order.task, pid)
            self._how[order.key] = ("warm", "")
            let_go(order)
            return Started(order.key, pid)
        try:
            return Started(order.key, self._run_apart(order.key, order.task, why))
        except StartError as error:
            return Started(order.key, 0, str(error))

    def _told(self, item: Exit) -> Exit:
        executor, note = self._how.pop(item.key)
        return replace(item, executor=executor, note=note)
