"""What the agent decides, free of I/O: messages and outcomes in, commands out.

    queued ──▶ starting ──▶ running ──▶ collecting ──▶ finished ──▶ (released)
      ▲ │          │            │
      │ └──────────┴────────────┴── cancelled, refused, lost ──▶ finished
      └── starting  (the slot was taken, or an artefact is not what was verified)

Every handler takes the state, changes it and leaves commands in `state.outbox`.
"""

from __future__ import annotations

import heapq
from typing import Collection, Mapping, Sequence

from worker_agent.core import commands as cmd
from worker_agent.core import deadlines, slot_assignment, taking
from worker_agent.core.excess import Excess
from worker_agent.core.execution import Exit, Key, Started
from worker_agent.core.launch_check import artefacts_of, launch_problem
from worker_agent.core.outcomes import finish, outcome_of, record
from worker_agent.core.queries import limited, running
from worker_agent.core.shares import Device, devices_of
from worker_agent.core.staging import await_artefacts, on_missing, on_unsure
from worker_agent.core.state import AgentState, Artefact, Attempt, Phase
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.protocol.messages import (
    Ack,
    Cancel,
    Launch,
    Ping,
    Pong,
    Release,
    Wanted,
    Withdraw,
)
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.protocol.reports import Released

_SIGNALS = 3
"""An attempt is asked twice before it is killed, and what it leaves has to be digested then."""

# --- from the master


def on_hello(state: AgentState, devices: Sequence[Device], incomplete: bool = False) -> None:
    """A master came, perhaps with other devices: say again what is wanted.

    While the environment of jobs is `incomplete`, nothing starts.
    """
    state.leaving, state.incomplete = False, incomplete
    state.fetching.clear()
    taking.forget(state)
    state.devices = {device.name: device for device in devices}
    for content_hash, status in state.artefacts.items():
        if status is Artefact.WANTED and state.waiting.get(content_hash):
            state.outbox.append(cmd.Send(Wanted(content_hash)))
    slot_assignment.fill(state)


def on_new_start(state: AgentState, outcomes: Sequence[Event]) -> None:
    """A master was started anew: tell again what it had acknowledged, for it may have forgotten that."""
    for event in outcomes:
        if (event.job_id, event.attempt) in state.attempts:
            record(state, event.kind, (event.job_id, event.attempt), event.at, event.detail)


def on_complete(state: AgentState) -> None:
    """The environment of jobs is whole now."""
    state.incomplete = False
    slot_assignment.fill(state)


def on_launch(state: AgentState, launch: Launch, now: float) -> None:
    """Queue an attempt, unless it is known already."""
    _take_in(state, launch, now)
    slot_assignment.fill(state)


def on_launch_all(state: AgentState, launches: Sequence[Launch], now: float) -> None:
    """Queue attempts, and start nothing before all are there."""
    for launch in launches:
        _take_in(state, launch, now)
    slot_assignment.fill(state)


def _take_in(state: AgentState, launch: Launch, now: float) -> None:
    key = (launch.job_id, launch.attempt)
    if key in state.attempts:
        return
    released = state.released.get(launch.job_id, -1)
    if launch.attempt <= released:
        state.outbox.append(cmd.Send(Released(launch.job_id, released)))
        return
    state.launches += 1
    attempt = state.attempts[key] = Attempt(launch, state.launches)
    state.outbox.append(cmd.KeepLaunch(launch))
    problem = launch_problem(launch)
    if problem or state.evicted:
        outcome = Outcome.REFUSED if problem else Outcome.EVICTED
        finish(state, attempt, now, Finished(outcome, error=problem or state.evicted))
        return
    attempt.needs = artefacts_of(launch)
    await_artefacts(state, attempt, now)


def on_cancel(state: AgentState, message: Cancel, now: float) -> None:
    """End an attempt; one that is not known or is over already stays as it is."""
    attempt = state.attempts.get((message.job_id, message.attempt))
    if attempt is None:
        return
    if attempt.phase is Phase.QUEUED:
        finish(state, attempt, now, Finished(Outcome.CANCELLED, slot=attempt.slot))
    elif attempt.phase in (Phase.STARTING, Phase.RUNNING):
        _stop(state, attempt, Outcome.CANCELLED)


def on_withdraw(state: AgentState, message: Withdraw, now: float) -> None:
    """End an attempt that is still queued."""
    attempt = state.attempts.get((message.job_id, message.attempt))
    if attempt is not None and attempt.phase is Phase.QUEUED:
        finish(state, attempt, now, Finished(Outcome.CANCELLED, slot=attempt.slot))


def on_release(state: AgentState, message: Release) -> None:
    """Forget a finished attempt."""
    key = (message.job_id, message.attempt)
    attempt = state.attempts.get(key)
    if attempt is None or attempt.phase is not Phase.FINISHED:
        return
    del state.attempts[key]
    state.released[key[0]] = max(key[1], state.released.get(key[0], -1))
    state.outbox += [cmd.KeepRelease(key), cmd.Discard(key, attempt.succeeded)]
    if message.suspect:
        state.outbox += [cmd.Doubt(name) for name in sorted({*attempt.needs, attempt.made} - {""})]
    _maybe_leave(state)


def on_ack(state: AgentState, message: Ack) -> None:
    """The master has journaled our events up to a number."""
    seq = min(message.seq, state.seq)
    if seq > state.acked:
        state.acked = seq
        state.outbox.append(cmd.KeepAck(seq))
    _maybe_leave(state)


def on_ping(state: AgentState, message: Ping) -> None:
    """Answer a master that wants to know whether we live."""
    state.outbox.append(cmd.Send(Pong(message.number)))


def on_shutdown(state: AgentState) -> None:
    """Leave once nothing is left to do."""
    state.leaving = True
    _maybe_leave(state)


def on_evict(state: AgentState, why: str, within_s: float, now: float) -> None:
    """The machine is taken back: nothing begins any more, and what runs has so long to save itself.

    It may be told again, with less time.
    """
    state.evicted = state.evicted or why
    for attempt in list(state.attempts.values()):
        if attempt.phase is Phase.QUEUED:
            finish(state, attempt, now, Finished(Outcome.EVICTED, error=why, slot=attempt.slot))
        elif attempt.phase in (Phase.STARTING, Phase.RUNNING):
            if attempt.verdict is None:
                attempt.verdict, attempt.excess = Outcome.EVICTED, why
                state.outbox.append(cmd.KeepVerdict(attempt.key, Outcome.EVICTED, why))
            state.outbox.append(cmd.Stop(attempt.key, grace_s=within_s / _SIGNALS))


# --- from slots and processes


def on_slot_taken(state: AgentState, key: Key, held: Mapping[str, int], mates: Sequence[Key] = ()) -> None:
    """Somebody was faster and holds these shares of devices: the attempt goes back to its place.

    So do all of its `mates` before any of them gets another slot, which they share then.
    """
    for each in (key, *mates):
        _requeue(state, each)
    slot_assignment.on_others(state, {**state.others, **held}, state.closed)
    slot_assignment.fill(state)


def on_gpus_gone(state: AgentState, names: Collection[str]) -> None:
    """The driver does not list these GPUs any more: what runs there ends, to be tried elsewhere."""
    for attempt in running(state):
        if any(name in names for name in devices_of(attempt.slot or "")):
            _stop(state, attempt, Outcome.LOST)


def on_unfit(state: AgentState, key: Key, content_hash: str, status: str, now: float) -> None:
    """An artefact is `missing` or `unsure` at the last look before the start."""
    state.artefacts[content_hash] = Artefact.LOOKING
    attempt = _requeue(state, key)
    handler = on_missing if status == "missing" else on_unsure
    await_artefacts(state, attempt, now)
    handler(state, content_hash, now)
    slot_assignment.fill(state)


def on_started(state: AgentState, key: Key, pid: int, ticks: Ticks, now: float) -> None:
    """The attempt runs; pid and ticks are what a later agent needs to find its processes."""
    attempt = state.attempts[key]
    attempt.phase, attempt.pid = Phase.RUNNING, pid
    deadlines.begin(attempt, now, max(1, len(slot_assignment.holders(state, attempt.slot))))
    record(state, EventKind.RUNNING, key, now, Running(attempt.slot, pid, ticks))


def on_not_started(state: AgentState, started: Started, now: float) -> None:
    """The attempt could not be started."""
    attempt = state.attempts[started.key]
    outcome = Outcome.WORKER_FAULT if started.worker_fault else Outcome.REFUSED
    finish(state, attempt, now, Finished(outcome, error=started.problem, slot=attempt.slot))
    slot_assignment.fill(state)


def on_alone(state: AgentState, started: Started, now: float) -> None:
    """The attempt could not be started with its group: it gets a slot of its own, as a process."""
    attempt = state.attempts[started.key]
    if attempt.verdict is not None:
        finish(state, attempt, now, Finished(attempt.verdict, slot=attempt.slot))
    else:
        attempt.alone = started.problem
        _requeue(state, started.key)
    slot_assignment.fill(state)


def on_excess(state: AgentState, excess: Excess) -> None:
    """An attempt takes more than it may: it ends at once."""
    attempt = state.attempts.get(excess.key)
    if attempt is not None and attempt.phase is Phase.RUNNING:
        _stop(state, attempt, Outcome.OVER_LIMIT, excess.problem)


def on_exit(state: AgentState, exit: Exit, now: float) -> None:
    """Nothing of the attempt runs any more."""
    attempt = state.attempts[exit.key]
    if exit.over_limit and attempt.verdict is None:
        attempt.verdict, attempt.excess = Outcome.OVER_LIMIT, exit.over_limit
    attempt.phase = Phase.COLLECTING
    if exit.exit_code == 0:
        slot_assignment.on_end(state, attempt, now)
    slot_assignment.leave(state, attempt)
    mates = slot_assignment.holders(state, attempt.slot) if attempt.together > 1 else ()
    for mate in mates:
        deadlines.share(state.attempts[mate], len(mates), now)
    state.outbox.append(cmd.Collect(attempt.launch, exit, stopped=attempt.verdict is not None))
    slot_assignment.fill(state)


def on_collected(state: AgentState, exit: Exit, left: cmd.Collected, now: float) -> None:
    """What the attempt left is digested: its outcome is known."""
    attempt = state.attempts[exit.key]
    outcome, error = outcome_of(attempt, exit, left)
    succeeded = outcome is Outcome.SUCCEEDED
    attempt.made = left.base_model.content_hash if left.base_model else ""
    done = Finished(
        outcome,
        exit_code=exit.exit_code,
        error=error,
        slot=attempt.slot,
        started_at=attempt.started_at,
        duration_s=round(exit.duration_s, 6),
        peak_rss_bytes=exit.peak_rss_bytes,
        peak_gpu_bytes=attempt.peak_gpu_bytes,
        stderr_tail="" if succeeded else left.stderr_tail,
        files=left.files,
        empty_folders=left.empty_folders,
        executable=left.executable,
        left_out=left.left_out,
        log=left.log,
        inline=left.inline,
        base_model=left.base_model if succeeded else None,
        checkpoint=None if succeeded else left.checkpoint,
        executor=exit.executor,
        executor_note=exit.note,
        left_running=list(exit.left_running),
        group=attempt.launch.group if attempt.together > 1 else None,
        together=attempt.together if attempt.together > 1 else None,
    )
    finish(state, attempt, now, done)


def on_lost(state: AgentState, key: Key, error: str, now: float, outcome: Outcome = Outcome.LOST) -> None:
    """The agent or the worker went down under an attempt."""
    attempt = state.attempts[key]
    if attempt.phase is not Phase.FINISHED:
        done = Finished(outcome, error=error, slot=attempt.slot, started_at=attempt.started_at)
        finish(state, attempt, now, done)


def on_tick(state: AgentState, now: float) -> None:
    """Time has passed: stop what runs too long, or gives no sign of life."""
    slot_assignment.on_time(state, now)
    for attempt in limited(state):
        limit = deadlines.verdict(attempt, now)
        if limit is not None:
            _stop(state, attempt, limit)


# --- steps


def _requeue(state: AgentState, key: Key) -> Attempt:
    attempt = state.attempts[key]
    slot_assignment.free(state, attempt)
    attempt.phase = Phase.QUEUED
    heapq.heappush(state.ready, (attempt.number, key))
    return attempt


def stop_again(state: AgentState, key: Key, verdict: Outcome, excess: str) -> None:
    """Go on with the stop that was begun, perhaps by an earlier agent."""
    attempt = state.attempts[key]
    attempt.verdict, attempt.excess = verdict, excess
    state.outbox.append(cmd.Stop(key, at_once=verdict is Outcome.OVER_LIMIT))


def _stop(state: AgentState, attempt: Attempt, verdict: Outcome, excess: str = "") -> None:
    if attempt.verdict is None:
        state.outbox.append(cmd.KeepVerdict(attempt.key, verdict, excess))
        stop_again(state, attempt.key, verdict, excess)


def _maybe_leave(state: AgentState) -> None:
    if not state.leaving or state.acked < state.last_event:
        return
    if all(item.phase is Phase.FINISHED for item in state.attempts.values()):
        state.outbox.append(cmd.Leave())
