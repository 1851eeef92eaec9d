"""What an agent does last: nothing of it is left running, and of a run that is over nothing at all."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import List

from worker_agent.core import transitions
from worker_agent.core.state import AgentState
from worker_agent.executors.base import Executor
from worker_agent.runtime.effects.table import Effects
from worker_agent.system import processes
from worker_agent.system.remove_tree import remove_tree

_END_S = 10.0
"""How long jobs that were killed may take to be gone when the agent ends."""
_ORPHAN_LOOK_S = 0.01


def end_attempts(state: AgentState, effects: Effects, executor: Executor, now: float) -> None:
    """Kill all attempts, and tell that they are lost."""
    deadline = time.monotonic() + _END_S
    for key in list(state.attempts):
        executor.stop(key, 0.0)
    while executor.wait_s() is not None and time.monotonic() < deadline:
        executor.poll()
        time.sleep(executor.wait_s() or 0.0)
    for key in list(state.attempts):
        transitions.on_lost(state, key, "the agent was told to end", now)
    effects.execute()


def kill_orphans() -> None:
    """Kill what has left its job's group and dropped its environment, and tools that hang.

    Nobody else would ever end it.
    """
    deadline = time.monotonic() + _END_S
    alive = _living_children()
    while alive and time.monotonic() < deadline:
        for pid in alive:
            processes.kill(pid)
        time.sleep(_ORPHAN_LOOK_S)
        alive = _living_children()


def remove_under_another_name(tree: Path) -> None:
    """Delete a directory whose own name may be in use again before all is gone."""
    gone = tree.with_name(f".{tree.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        tree.rename(gone)
        remove_tree(gone)


def _living_children() -> List[int]:
    found = map(processes.read_process, processes.every_child())
    return [process.pid for process in found if process and process.alive]
