"""What an agent does first: go on with what an earlier one left, end the rest and report it as lost."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Collection, Iterator, List, Sequence

from worker_agent.attempts.invocation import mark_of
from worker_agent.core import deadlines, transitions
from worker_agent.core.execution import Key
from worker_agent.core.launch_check import artefacts_of
from worker_agent.core.state import AgentState, Attempt, Phase
from worker_agent.executors.adopted import Adopted
from worker_agent.protocol.events import Event, Running
from worker_agent.protocol.layout import WorkLayout, attempt_name
from worker_agent.protocol.outcome import Outcome
from worker_agent.runtime.keeper import is_kept
from worker_agent.runtime.ports import Records
from worker_agent.runtime.spool import Memory, Numbers
from worker_agent.system import exits, processes

_ADOPTED = ("process", "warm")
"""Executors whose attempts are processes that need nothing of the agent."""
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


def ended_and_told(state: AgentState, memory: Memory, again: Collection[Key] = ()) -> List[Key]:
    """Return the attempts whose end was acknowledged: a master that does not know it has an older journal.

    What is being told `again` is none of them: the master is about to hear how it ended.
    """
    untold = {(event.job_id, event.attempt) for event in memory.events.values()}
    finished = (key for key, attempt in state.attempts.items() if attempt.phase is Phase.FINISHED)
    return [key for key in finished if key not in untold and key not in again]


def left_behind(memory: Memory, run_id: str, boot_id: str, exits_path: Path) -> List[Adopted]:
    """Return the attempts whose process has ended and somebody saw how, or runs and somebody will see."""
    if memory.boot_id != boot_id:
        return []
    ended, attempts = exits.read(exits_path), WorkLayout(Path(memory.work_dir))
    found = []
    for key, event in memory.running.items():
        started = event.detail
        if memory.launches[key].executor not in _ADOPTED or not isinstance(started, Running):
            continue
        mark = os.fsencode(mark_of(attempts.attempt(run_id, *key).output))
        leader = processes.read_process(started.pid)
        seen = [leader.start_ticks] if leader and leader.alive and is_kept(started.pid) else []
        seen += [ticks for pid, ticks in ended if pid == started.pid]
        ours = [ticks for ticks in seen if started.ticks.before <= ticks <= started.ticks.after]
        found += [Adopted(key, started.pid, ticks, mark) for ticks in ours[:1]]
    return found


def began_at(started: Event, now: float) -> float:
    """Return when an attempt began, by the kernel: the machine's clock may have been set since."""
    assert isinstance(started.detail, Running)
    ran_s = (processes.ticks() - started.detail.ticks.after) / processes.TICKS_PER_S
    return now - max(0.0, ran_s)


def resume(state: AgentState, memory: Memory, attempt: Adopted, at: float) -> None:
    """Let an attempt go on that an earlier agent has started, or its end if that one had begun to stop it.

    It began `at` a time of the state's clock.
    """
    found, started = state.attempts[attempt.key], memory.running[attempt.key]
    assert isinstance(started.detail, Running)
    found.phase, found.pid, found.mark = Phase.RUNNING, attempt.pid, attempt.mark
    found.needs, found.slot = artefacts_of(found.launch), started.detail.slot
    if found.slot is not None:
        state.slots[found.slot] = attempt.key
    deadlines.begin(found, at)
    if stopping := memory.stopping.get(attempt.key):
        transitions.stop_again(state, attempt.key, stopping.verdict, stopping.excess)


def forget_ends(spool: Records, ends: exits.OwnEnds) -> None:
    """Forget, once they are many, the ends of which no later agent will ask: their outcome is spooled."""
    if ends.are_many() and spool.write():
        started = (event.detail for event in spool.memory.running.values())
        ends.keep_only({item.pid for item in started if isinstance(item, Running)})


def report_lost(
    state: AgentState, spool: Records, boot_id: str, now: float, in_allocation: bool = False
) -> None:
    """Report every attempt that has no outcome and does not run, under numbers that no agent gives again.

    What was under way in an earlier allocation ended with that: it is no loss of the job's.
    """
    spool.put(Numbers(state.seq))
    memory = spool.memory
    rebooted = memory.boot_id not in ("", boot_id)
    why = "the worker was restarted" if rebooted else "the agent was ended while the attempt was under way"
    outcome = Outcome.LOST
    if in_allocation:
        why, outcome = "its allocation ended without notice", Outcome.EVICTED
    for key, attempt in list(state.attempts.items()):
        if attempt.phase is not Phase.RUNNING:
            transitions.on_lost(state, key, why, now, outcome)


def kill_leftovers(memory: Memory, run_id: str, boot_id: str, kept: Sequence[Adopted] = ()) -> List[int]:
    """Kill every process of the run that is left from this boot, but for those of attempts that are `kept`.

    Returns those that would not die.
    """
    if memory.boot_id != boot_id:
        return []
    deadline = time.monotonic() + _CONFIRM_S
    left = list(_leftovers(memory, run_id, kept))
    while left and time.monotonic() < deadline:
        for pid in left:
            processes.kill(pid)
        time.sleep(_LOOK_S)
        left = list(_leftovers(memory, run_id, kept))
    return left


def unknown_attempts(memory: Memory, run_id: str) -> Iterator[Path]:
    """Yield the attempt directories that no known attempt owns."""
    known = {attempt_name(*key) for key in memory.launches}
    folder = WorkLayout(Path(memory.work_dir)).attempts(run_id)
    if memory.work_dir and folder.is_dir():
        yield from (entry for entry in folder.iterdir() if entry.name not in known)


def _leftovers(memory: Memory, run_id: str, kept: Sequence[Adopted]) -> Iterator[int]:
    keys = {attempt.key for attempt in kept}
    others = [event.detail for key, event in memory.running.items() if key not in keys]
    started = [detail for detail in others if isinstance(detail, Running)]
    groups = {item.pid for item in started if _group_is_ours(item)}
    attempts = WorkLayout(Path(memory.work_dir)).attempts(run_id)
    mark = os.fsencode(mark_of(str(attempts))) + b"/"
    for process in processes.processes():
        if process.alive and (
            process.group in groups
            or (processes.environment_has(process.pid, mark, whole=False) and not _is_of(kept, process.pid))
        ):
            yield process.pid


def _is_of(kept: Sequence[Adopted], pid: int) -> bool:
    return any(processes.environment_has(pid, attempt.mark) for attempt in kept)


def _group_is_ours(started: Running) -> bool:
    """A leader of another start is another program; what a dead leader left is known by its mark alone."""
    leader = processes.read_process(started.pid)
    return leader is not None and started.ticks.before <= leader.start_ticks <= started.ticks.after
