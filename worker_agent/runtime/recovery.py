"""What an agent does first: end what an earlier one left running, and report it as lost."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Iterator, List

from worker_agent.attempts.invocation import mark_of
from worker_agent.core import transitions
from worker_agent.core.state import AgentState, Attempt, Phase
from worker_agent.protocol.events import Running
from worker_agent.protocol.layout import WorkLayout, attempt_name
from worker_agent.runtime.ports import Records
from worker_agent.runtime.spool import Memory, Numbers
from worker_agent.system import processes

_CONFIRM_S = 10.0
_LOOK_S = 0.01
_SEQ_GAP = 10_000
"""More events than can be lost, because they were not synced or the disk was full: their numbers must not be
given twice."""


def restore(memory: Memory) -> AgentState:
    """Return the state that a spool remembers; attempts without an outcome are queued, to be lost next."""
    state = AgentState(
        seq=memory.seq + (0 if memory.is_new else _SEQ_GAP),
        last_event=max(memory.events, default=memory.acked),
        acked=memory.acked,
        released=dict(memory.released),
    )
    for number, (key, launch) in enumerate(memory.launches.items()):
        phase = Phase.FINISHED if key in memory.finished else Phase.QUEUED
        state.attempts[key] = Attempt(launch, number, phase=phase)
        if key in memory.running:
            state.attempts[key].started_at = memory.running[key].at
    state.launches = len(memory.launches)
    return state


def report_lost(state: AgentState, spool: Records, boot_id: str, now: float) -> None:
    """Report every attempt that has no outcome, under numbers that no agent gives again."""
    spool.put(Numbers(state.seq))
    memory = spool.memory
    rebooted = memory.boot_id not in ("", boot_id)
    why = "the worker was restarted" if rebooted else "the agent was ended while the attempt was under way"
    for key in list(state.attempts):
        transitions.on_lost(state, key, why, now)


def kill_leftovers(memory: Memory, run_id: str, boot_id: str) -> List[int]:
    """Kill every process of the run that is left from this boot; return those that would not die."""
    if memory.boot_id != boot_id:
        return []
    deadline = time.monotonic() + _CONFIRM_S
    left = list(_leftovers(memory, run_id))
    while left and time.monotonic() < deadline:
        for pid in left:
            processes.kill(pid)
        time.sleep(_LOOK_S)
        left = list(_leftovers(memory, run_id))
    return left


def unknown_attempts(memory: Memory, run_id: str) -> Iterator[Path]:
    """Yield the attempt directories that no known attempt owns."""
    known = {attempt_name(*key) for key in memory.launches}
    folder = WorkLayout(Path(memory.work_dir)).attempts(run_id)
    if memory.work_dir and folder.is_dir():
        yield from (entry for entry in folder.iterdir() if entry.name not in known)


def _leftovers(memory: Memory, run_id: str) -> Iterator[int]:
    started = [event.detail for event in memory.running.values() if isinstance(event.detail, Running)]
    groups = {item.pid for item in started if _group_is_ours(item)}
    attempts = WorkLayout(Path(memory.work_dir)).attempts(run_id)
    mark = os.fsencode(mark_of(str(attempts))) + b"/"
    for process in processes.processes():
        if process.alive and (
            process.group in groups or processes.environment_has(process.pid, mark, whole=False)
        ):
            yield process.pid


def _group_is_ours(started: Running) -> bool:
    """A leader of another start is another program; what a dead leader left is known by its mark alone."""
    leader = processes.read_process(started.pid)
    return leader is not None and started.ticks.before <= leader.start_ticks <= started.ticks.after
