"""All executors of one agent: each attempt goes to the one that it asks for, or that can run it."""

from __future__ import annotations

import selectors
import signal
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from worker_agent.core.execution import Exit, Key, Started, StartError
from worker_agent.executors.adopted import AdoptedExecutor
from worker_agent.executors.base import Invocation
from worker_agent.executors.process import ProcessExecutor
from worker_agent.executors.terminal import Terminal
from worker_agent.executors.threads import ThreadStarter
from worker_agent.executors.warm import Fork, WarmStarter, let_go


class Executors:
    """An executor that chooses among executors.

    A warm attempt or a thread that cannot be one runs as a process; its exit says why.
    """

    def __init__(self, ends: Optional[Path] = None) -> None:
        """`ends` is where the next agent reads how processes ended."""
        self._selector = selectors.EpollSelector()
        self._process = ProcessExecutor(ends)
        self.adopted = AdoptedExecutor()
        """Attempts that an earlier agent has started."""
        self._warm = WarmStarter(self._selector)
        self._threads = ThreadStarter(self._selector)
        self._terminal = Terminal()
        self._how: Dict[Key, Tuple[str, str]] = {}
        """What runs an attempt, and why."""
        self._ended: List[Exit] = []
        """Attempts that were no processes."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `started` or `poll` has work but for ended children."""
        return self._selector.fileno()

    def close(self) -> None:
        """Give back what the executors hold."""
        self._threads.close()
        self._warm.close()
        self._selector.close()
        self._process.close()

    def start(self, key: Key, invocation: Invocation) -> Optional[int]:
        """Start an attempt and return its pid, None where `started` is going to tell it.

        Raises StartError.
        """
        starters = {"warm": self._warm.start, "thread": self._threads.start}
        if invocation.executor == "inline":
            return self._run_inline(key, invocation)
        if invocation.apart or invocation.executor not in starters:
            return self._run_apart(key, invocation, invocation.apart)
        try:
            why = starters[invocation.executor](key, invocation)
        except OSError as error:
            why = f"its helper cannot be started: {error.strerror}"
        return self._run_apart(key, invocation, why) if why else None

    def started(self) -> List[Started]:
        """Return what became of the starts under way; attempts that were stopped meanwhile only end."""
        news = self._threads.poll()
        self._ended += news.exits
        return [
            *(Started(thread.key, pid) for thread, pid in news.began),
            *(self._begin_apart(thread.key, thread.invocation, why) for thread, why in news.refused),
            *(self._begin(fork, pid, why) for fork, pid, why in self._warm.poll()),
        ]

    def stop(self, key: Key, grace_s: float) -> None:
        """Ask an attempt to end, as `ProcessExecutor.stop` does; one that has not begun ends at once."""
        if self.adopted.stop(key, grace_s):
            return
        if self._warm.cancel(key):
            self._ended.append(Exit(key, -signal.SIGINT, None, 0.0, "warm"))
        elif not self._threads.stop(key, grace_s):
            self._process.stop(key, grace_s)

    def poll(self) -> List[Exit]:
        """Return the attempts that ended since the last call."""
        exits = [self._told(item) for item in self._process.poll()]
        ended, self._ended = self._ended, []
        return [*exits, *ended, *self.adopted.poll()]

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if no child ends; None for never."""
        others = [self._process.wait_s(), self._threads.wait_s(), self.adopted.wait_s()]
        waits = [0.0] if self._ended else others
        return min((wait for wait in waits if wait is not None), default=None)

    def _run_inline(self, key: Key, invocation: Invocation) -> int:
        pid = self._terminal.start(invocation)
        self._process.adopt(key, invocation, pid)
        self._how[key] = ("inline", "")
        return pid

    def _run_apart(self, key: Key, invocation: Invocation, why: str) -> int:
        """Run an attempt as a process, `why` not as what it asks for.  Raises StartError."""
        pid = self._process.start(key, invocation)
        self._how[key] = ("process", why)
        return pid

    def _begin(self, fork: Fork, pid: int, why: str) -> Started:
        if pid:
            self._process.adopt(fork.key, fork.invocation, pid)
            self._how[fork.key] = ("warm", "")
            let_go(fork)
            return Started(fork.key, pid)
        return self._begin_apart(fork.key, fork.invocation, why)

    def _begin_apart(self, key: Key, invocation: Invocation, why: str) -> Started:
        try:
            return Started(key, self._run_apart(key, invocation, why))
        except StartError as error:
            return Started(key, 0, str(error), error.worker_fault)

    def _told(self, item: Exit) -> Exit:
        executor, note = self._how.pop(item.key)
        if executor == "inline":
            self._terminal.release()
        if (executor, note) == (item.executor, item.note):
            return item
        return replace(item, executor=executor, note=note)
