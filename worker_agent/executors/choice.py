"""All executors of one agent: each attempt goes to the one that it asks for, or that can run it."""

from __future__ import annotations

import selectors
import signal
from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from worker_agent.core.execution import Exit, Key, Started, StartError
from worker_agent.executors.adopted import AdoptedExecutor
from worker_agent.executors.base import Invocation
from worker_agent.executors.process import ProcessExecutor
from worker_agent.executors.residents import Resident, ResidentStarter
from worker_agent.executors.terminal import Terminal
from worker_agent.executors.warm import Fork, WarmStarter, let_go
from worker_agent.protocol.script_contract import RESIDENT, THREAD
from worker_agent.system.exits import OwnEnds


class Executors:
    """An executor that chooses among executors.

    A warm attempt or a resident one that cannot be one runs as a process; its exit says why.
    """

    def __init__(self, ends: Optional[OwnEnds] = None) -> None:
        """In `ends` the next agent reads how processes ended."""
        self._selector = selectors.EpollSelector()
        self._process = ProcessExecutor(ends)
        self.adopted = AdoptedExecutor()
        """Attempts that an earlier agent has started."""
        self._warm = WarmStarter(self._selector)
        self._residents = ResidentStarter(self._selector)
        self._terminal = Terminal()
        self._how: Dict[Key, Tuple[str, str]] = {}
        """What runs an attempt, and why."""
        self._alone: List[Started] = []
        """Members of groups that have to run alone."""
        self._ended: List[Exit] = []
        """Attempts that were no processes."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when `started` or `poll` has work but for ended children."""
        return self._selector.fileno()

    def close(self) -> None:
        """Give back what the executors hold."""
        self._residents.close()
        self._warm.close()
        self._selector.close()
        self._process.close()

    def start(self, key: Key, invocation: Invocation) -> Optional[int]:
        """Start an attempt and return its pid, None where `started` is going to tell it.

        Raises StartError.
        """
        starters = {"warm": self._warm.start, RESIDENT: self._residents.start, THREAD: self._residents.start}
        if invocation.executor == "inline":
            return self._run_inline(key, invocation)
        if invocation.apart or invocation.executor not in starters:
            return self._run_apart(key, invocation, invocation.apart)
        try:
            why = starters[invocation.executor](key, invocation)
        except OSError as error:
            why = f"its helper cannot be started: {error.strerror}"
        return self._run_apart(key, invocation, why) if why else None

    def start_group(self, group: str, members: Sequence[Tuple[Key, Invocation]]) -> None:
        """Start attempts that train at once; `started` tells of each, also where it has to run alone."""
        apart = {key: invocation.apart for key, invocation in members if invocation.apart}
        self._alone += [Started(key, 0, why, alone=True) for key, why in apart.items()]
        members = [member for member in members if member[0] not in apart]
        if not members:
            return
        try:
            why = self._residents.start_group(group, members)
        except OSError as error:
            why = f"its helper cannot be started: {error.strerror}"
        self._alone += [Started(key, 0, why, alone=True) for key, _ in members if why]

    def started(self) -> List[Started]:
        """Return what became of the starts under way; attempts that were stopped meanwhile only end."""
        news = self._residents.poll()
        self._ended += news.exits
        alone, self._alone = self._alone, []
        return [
            *alone,
            *(Started(resident.key, pid) for resident, pid in news.began),
            *(self._refused(resident, why) for resident, why in news.refused),
            *(self._begin(fork, pid, why) for fork, pid, why in self._warm.poll()),
        ]

    def stop(self, key: Key, grace_s: float) -> None:
        """Ask an attempt to end, as `ProcessExecutor.stop` does; one that has not begun ends at once."""
        if self.adopted.stop(key, grace_s):
            return
        if self._warm.cancel(key):
            self._ended.append(Exit(key, -signal.SIGINT, None, 0.0, "warm"))
        elif not self._residents.stop(key, grace_s):
            self._process.stop(key, grace_s)

    def poll(self) -> List[Exit]:
        """Return the attempts that ended since the last call."""
        exits = [self._told(item) for item in self._process.poll()]
        ended, self._ended = self._ended, []
        return [*exits, *ended, *self.adopted.poll()]

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work even if no child ends; None for never."""
        others = [self._process.wait_s(), self._residents.wait_s(), self.adopted.wait_s()]
        waits = [0.0] if self._ended or self._alone else others
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

    def _refused(self, resident: Resident, why: str) -> Started:
        if resident.group:  # its mates would all run at once in their slot
            return Started(resident.key, 0, why, alone=True)
        return self._begin_apart(resident.key, resident.invocation, why)

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
