"""Starts jobs as forks of processes that have imported what they need.

A parent (`warm_parent.py`) serves the jobs of one interpreter, one list of imports and one environment.
Whatever it cannot do is told as a reason, and the job runs as a fresh process.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Deque, Dict, List, Optional, Sequence, Tuple

from worker_agent.core.execution import Key
from worker_agent.executors.base import Invocation
from worker_agent.executors.helpers import Helper, has_grown
from worker_agent.executors.imports import NotPythonError
from worker_agent.executors.recipes import Recipe, Recipes
from worker_agent.executors.warm_parent import RESERVE
from worker_agent.system import processes

MOST_PARENTS = 4
MOST_JOBS = 500
"""Of one parent."""
_MOST_CRASHES = 3
_RESERVE_BYTES, _COMMAND_BYTES = 8192, 4096


@dataclass
class Fork:
    """An attempt that waits for its process."""

    key: Key
    invocation: Invocation
    number: int
    files: List[int] = field(default_factory=list)
    """Log, the reading end of the gate, and the lock."""
    gate: int = -1
    """The job runs once a byte is written here."""

    def close(self) -> None:
        """Close what is ours; a job that has not been let go ends."""
        for descriptor in (*self.files[:2], self.gate):
            os.close(descriptor)


@dataclass
class Parent:
    """A preloaded process as the agent sees it."""

    recipe: Recipe
    helper: Helper
    ready: bool = False
    stamps: Sequence[Sequence[Any]] = ()
    first_rss: int = 0
    rss: int = 0
    jobs: int = 0
    used_at: float = 0.0
    waiting: Deque[Fork] = field(default_factory=deque)
    """Until it is ready."""
    sent: Dict[int, Fork] = field(default_factory=dict)

    @property
    def forks(self) -> List[Fork]:
        """Those that have no process yet."""
        return [*self.waiting, *self.sent.values()]

    def forget(self, fork: Fork) -> None:
        """Wait for a fork no more."""
        self.sent.pop(fork.number, None)
        if fork in self.waiting:
            self.waiting.remove(fork)

    def is_stale(self) -> bool:
        """Return whether its libraries have changed, or it has grown or served for long."""
        grown = has_grown(self.first_rss, self.rss)
        return self.jobs >= MOST_JOBS or (self.ready and (grown or not _unchanged(self.stamps)))


Began = Tuple[Fork, int, str]
"""A fork with its pid, or with 0 and why it has none."""


class WarmStarter:
    """The parents of one agent."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._parents: Dict[Recipe, Parent] = {}
        self._unfit: Dict[Recipe, str] = {}
        self._crashes: Dict[Recipe, int] = {}
        self._recipes = Recipes()
        self._began: List[Began] = []
        self._numbers = 0

    def start(self, key: Key, invocation: Invocation) -> Optional[str]:
        """Ask for a process; `poll` tells of it.  Return why there cannot be one, None if there can.

        Raises OSError for a log that cannot be written.
        """
        if not Path(invocation.cwd).is_dir() or not os.access(invocation.argv[0], os.X_OK):
            return "there is nothing to start"
        try:
            recipe = self._recipes.of(invocation)
        except NotPythonError as error:
            return str(error)
        if not processes.adopt_orphans():
            return "the agent's Python cannot adopt processes"
        if recipe in self._unfit:
            return self._unfit[recipe]
        parent = self._parent(recipe)
        self._numbers += 1
        fork = _prepare(key, invocation, self._numbers)
        if parent.ready:
            self._send(parent, fork)
        else:
            parent.waiting.append(fork)
        return None

    def cancel(self, key: Key) -> bool:
        """Forget a fork that has no process yet; return whether there was one."""
        for parent in self._parents.values():
            for fork in parent.forks:
                if fork.key == key:
                    parent.forget(fork)
                    fork.close()
                    return True
        return False

    def poll(self) -> List[Began]:
        """Return the forks that have come to something since the last call."""
        for parent in list(self._parents.values()):
            self._listen(parent)
        began, self._began = self._began, []
        return began

    def close(self) -> None:
        """End all parents; the jobs that they have started go on."""
        for parent in list(self._parents.values()):
            self._retire(parent)

    # --- forks

    def _send(self, parent: Parent, fork: Fork) -> None:
        invocation = fork.invocation
        body = {"id": fork.number, "argv": invocation.argv, "cwd": invocation.cwd, "env": invocation.env}
        problem = parent.helper.tell(body, fork.files)
        if problem:
            self._fail(fork, f"the preloaded process takes no requests: {problem}")
            return
        parent.sent[fork.number] = fork
        parent.jobs += 1
        parent.used_at = time.monotonic()

    def _fail(self, fork: Fork, why: str) -> None:
        fork.close()
        self._began.append((fork, 0, why))

    # --- parents

    def _parent(self, recipe: Recipe) -> Parent:
        found = self._parents.get(recipe)
        if found and not (found.is_stale() and not found.forks):
            return found
        if found:
            self._retire(found)
        self._make_room()
        parent = self._parents[recipe] = Parent(recipe, _spawn(recipe), used_at=time.monotonic())
        self._selector.register(parent.helper.socket, selectors.EVENT_READ)
        parent.helper.tell({"preload": recipe[1]})
        return parent

    def _make_room(self) -> None:
        idle = [item for item in self._parents.values() if not item.forks]
        for parent in sorted(idle, key=lambda item: item.used_at):
            if len(self._parents) >= MOST_PARENTS:
                self._retire(parent)

    def _retire(self, parent: Parent) -> None:
        """Let a parent end: it does when its socket closes."""
        del self._parents[parent.recipe]
        self._selector.unregister(parent.helper.socket)
        parent.helper.socket.close()
        for fork in parent.forks:
            fork.close()

    def _listen(self, parent: Parent) -> None:
        for said in parent.helper.heard():
            if not said:
                self._bury(parent)
                return
            self._take(parent, said)

    def _take(self, parent: Parent, said: Dict[str, Any]) -> None:
        if "ready" in said:
            parent.ready, parent.stamps = True, said["ready"]["stamps"]
            parent.first_rss = parent.rss = said["ready"]["rss"]
            while parent.waiting:
                self._send(parent, parent.waiting.popleft())
        elif "unfit" in said:
            self._unfit[parent.recipe] = said["unfit"]
        else:
            self._take_answer(parent, said)

    def _take_answer(self, parent: Parent, said: Dict[str, Any]) -> None:
        parent.rss = said["rss"]
        fork = parent.sent.pop(said["id"], None)
        if fork is None:
            return
        if "pid" not in said:
            self._fail(fork, said["problem"])
            return
        self._began.append((fork, said["pid"], ""))

    def _bury(self, parent: Parent) -> None:
        """A parent has ended: its forks are for others."""
        recipe = parent.recipe
        why = self._unfit.get(recipe)
        if why is None and parent.forks:
            crashes = self._crashes[recipe] = self._crashes.get(recipe, 0) + 1
            why = "the preloaded process has ended unexpectedly"
            if crashes >= _MOST_CRASHES or not parent.ready:
                self._unfit[recipe] = why
        forks = parent.forks
        parent.waiting.clear()
        parent.sent.clear()
        self._retire(parent)
        for fork in forks:
            self._fail(fork, why or "")


def let_go(fork: Fork) -> None:
    """Let a job that waits at its gate run."""
    with contextlib.suppress(OSError):
        os.write(fork.gate, b"!")
    fork.close()


def _prepare(key: Key, invocation: Invocation, number: int) -> Fork:
    log = os.open(invocation.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    reader, gate = os.pipe()
    lock = [] if invocation.keep_fd is None else [invocation.keep_fd]
    return Fork(key, invocation, number, [log, reader, *lock], gate)


def _unchanged(stamps: Sequence[Sequence[Any]]) -> bool:
    try:
        return all(Path(path).stat().st_mtime_ns == stamp for path, stamp in stamps)
    except OSError:
        return False


def _spawn(recipe: Recipe) -> Helper:
    """Start a parent."""
    python, _, env = recipe
    own = {"CUDA_VISIBLE_DEVICES": "", RESERVE: "x" * _RESERVE_BYTES}
    return Helper("warm_parent", python, {**dict(env), **own}, blank=_COMMAND_BYTES)
