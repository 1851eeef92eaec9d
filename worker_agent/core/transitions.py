"""What the agent decides, free of I/O: messages and outcomes in, commands out.

    queued ──▶ starting ──▶ running ──▶ collecting ──▶ finished ──▶ (released)
      ▲ │          │            │
      │ └──────────┴────────────┴── cancelled, refused, lost ──▶ finished
      └── starting  (the slot was taken, or an artefact is not what was verified)

Every handler takes the state, changes it and leaves commands in `state.outbox`.
"""

from __future__ import annotations

import heapq
from typing import Any, Collection, Dict, List, Optional, Sequence, Tuple

from worker_agent.core import commands as cmd
from worker_agent.core import deadlines, slot_assignment
from worker_agent.core.launch_check import artefacts_of, is_content_hash, launch_problem
from worker_agent.core.shares import Device, device_of
from worker_agent.core.state import AgentState, Artefact, Attempt, Phase
from worker_agent.executors.base import Exit, Key
from worker_agent.protocol.messages import (
    OUT_OF_MEMORY,
    Ack,
    Cancel,
    Delivered,
    Event,
    Finished,
    Launch,
    Ping,
    Pong,
    Rejected,
    Release,
    Wanted,
    Withdraw,
)
from worker_agent.protocol.script_contract import EXIT_REQUEUE, EXIT_SUCCESS

_NOTHING_HELD_S = 60.0
"""A link that broke is back by then, and a new agent costs a master little.  The files stay."""

# --- from the master


def on_hello(state: AgentState, devices: Sequence[Device]) -> None:
    """A master came, perhaps with other devices: say again what is wanted."""
    state.leaving = False
    state.devices = {device.name: device for device in devices}
    for content_hash, status in state.artefacts.items():
        if status is Artefact.WANTED and state.waiting.get(content_hash):
            state.outbox.append(cmd.Send(Wanted(content_hash)))
    slot_assignment.fill(state)


def on_launch(state: AgentState, launch: Launch, now: float) -> None:
    """Queue an attempt, unless it is known already."""
    key = (launch.job_id, launch.attempt)
    if key in state.attempts or launch.attempt <= state.released.get(launch.job_id, -1):
        return
    state.launches += 1
    attempt = state.attempts[key] = Attempt(launch, state.launches)
    state.outbox.append(cmd.KeepLaunch(launch))
    problem = launch_problem(launch)
    if problem:
        _finish(state, attempt, now, Finished("refused", error=problem))
        return
    attempt.needs = artefacts_of(launch)
    _await(state, attempt, now)
    slot_assignment.fill(state)


def on_cancel(state: AgentState, message: Cancel, now: float) -> None:
    """End an attempt; one that is not known or is over already stays as it is."""
    attempt = state.attempts.get((message.job_id, message.attempt))
    if attempt is None:
        return
    if attempt.phase is Phase.QUEUED:
        _finish(state, attempt, now, Finished("cancelled"))
    elif attempt.phase in (Phase.STARTING, Phase.RUNNING):
        _stop(state, attempt, "cancelled")


def on_withdraw(state: AgentState, message: Withdraw, now: float) -> None:
    """End an attempt that is still queued."""
    attempt = state.attempts.get((message.job_id, message.attempt))
    if attempt is not None and attempt.phase is Phase.QUEUED:
        _finish(state, attempt, now, Finished("cancelled"))


def on_release(state: AgentState, message: Release) -> None:
    """Forget a finished attempt."""
    key = (message.job_id, message.attempt)
    attempt = state.attempts.get(key)
    if attempt is None or attempt.phase is not Phase.FINISHED:
        return
    del state.attempts[key]
    state.released[key[0]] = max(key[1], state.released.get(key[0], -1))
    state.outbox.append(cmd.Discard(key, attempt.succeeded))
    _maybe_leave(state)


def on_ack(state: AgentState, message: Ack) -> None:
    """The master has journaled our events up to a number."""
    seq = min(message.seq, state.seq)
    if seq > state.acked:
        state.acked = seq
        state.outbox.append(cmd.KeepAck(seq))
    _maybe_leave(state)


def on_delivered(state: AgentState, message: Delivered) -> None:
    """An artefact is in `incoming`: check it, unless it is here already."""
    content_hash = message.content_hash
    if not is_content_hash(content_hash):
        state.outbox.append(cmd.Send(Rejected(content_hash, "not a content hash: 64 hex digits")))
    elif state.artefacts.get(content_hash) is not Artefact.VERIFYING:
        state.artefacts[content_hash] = Artefact.VERIFYING
        state.outbox.append(cmd.Verify(content_hash, delivered=True))


def on_ping(state: AgentState, message: Ping) -> None:
    """Answer a master that wants to know whether we live."""
    state.outbox.append(cmd.Send(Pong(message.number)))


def on_shutdown(state: AgentState) -> None:
    """Leave once nothing is left to do."""
    state.leaving = True
    _maybe_leave(state)


# --- from the cache


def on_found(state: AgentState, content_hash: str, now: float) -> None:
    """The cache holds an artefact."""
    state.artefacts[content_hash] = Artefact.PRESENT
    for key in state.waiting.pop(content_hash, set()):
        _await(state, state.attempts[key], now)
    slot_assignment.fill(state)


def on_missing(state: AgentState, content_hash: str, now: float) -> None:
    """The cache does not hold an artefact."""
    if state.artefacts.get(content_hash) is Artefact.LOOKING:
        _want(state, content_hash, now)


def on_unsure(state: AgentState, content_hash: str, now: float) -> None:
    """The cache holds an artefact that may have changed since it was verified."""
    if state.artefacts.get(content_hash) is not Artefact.VERIFYING:
        state.artefacts[content_hash] = Artefact.VERIFYING
        state.outbox.append(cmd.Verify(content_hash, delivered=False))
    _say_staging(state, content_hash, now)


def on_verified(
    state: AgentState, content_hash: str, problem: Optional[str], delivered: bool, now: float
) -> None:
    """An artefact was hashed; `problem` says why it is not what it should be."""
    if problem is None:
        on_found(state, content_hash, now)
    elif delivered:
        state.artefacts[content_hash] = Artefact.WANTED
        state.outbox.append(cmd.Send(Rejected(content_hash, problem)))
    else:
        _want(state, content_hash, now)


# --- from slots and processes


def on_slot_taken(state: AgentState, key: Key, held: int) -> None:
    """Somebody was faster and holds these shares of the device: the attempt goes back to its place."""
    slot = _requeue(state, key).slot
    slot_assignment.on_others(state, {**state.others, device_of(slot or ""): held}, state.closed)
    slot_assignment.fill(state)


def on_gpus_gone(state: AgentState, names: Collection[str]) -> None:
    """The driver does not list these GPUs any more: what runs there ends, to be tried elsewhere."""
    for attempt in running(state):
        if device_of(attempt.slot or "") in names:
            _stop(state, attempt, "lost")


def on_unfit(state: AgentState, key: Key, content_hash: str, status: str, now: float) -> None:
    """An artefact is `missing` or `unsure` at the last look before the start."""
    state.artefacts[content_hash] = Artefact.LOOKING
    attempt = _requeue(state, key)
    handler = on_missing if status == "missing" else on_unsure
    _await(state, attempt, now)
    handler(state, content_hash, now)
    slot_assignment.fill(state)


def on_started(state: AgentState, key: Key, identity: Dict[str, Any], now: float) -> None:
    """The attempt runs; `identity` is what a later agent needs to find its processes."""
    attempt = state.attempts[key]
    attempt.phase, attempt.pid = Phase.RUNNING, identity["pid"]
    deadlines.begin(attempt, now)
    _record(state, "running", key, now, {"slot": attempt.slot, **identity})


def on_not_started(state: AgentState, key: Key, error: str, now: float) -> None:
    """The attempt could not be started."""
    _finish(state, state.attempts[key], now, Finished("refused", error=error))
    slot_assignment.fill(state)


def on_exit(state: AgentState, exit: Exit, now: float) -> None:
    """Nothing of the attempt runs any more."""
    attempt = state.attempts[exit.key]
    attempt.phase = Phase.COLLECTING
    slot_assignment.leave(state, attempt)
    state.outbox.append(cmd.Collect(attempt.launch, exit, stopped=attempt.verdict is not None))
    slot_assignment.fill(state)


def on_collected(state: AgentState, exit: Exit, left: cmd.Collected, now: float) -> None:
    """What the attempt left is digested: its outcome is known."""
    attempt = state.attempts[exit.key]
    outcome, error = _outcome(attempt, exit, left)
    done = Finished(
        outcome,
        exit_code=exit.exit_code,
        error=error,
        started_at=attempt.started_at,
        duration_s=round(exit.duration_s, 6),
        peak_rss_bytes=exit.peak_rss_bytes,
        peak_gpu_bytes=attempt.peak_gpu_bytes,
        stderr_tail="" if outcome == "succeeded" else left.stderr_tail,
        files=left.files,
        log=left.log,
        inline=left.inline,
        base_model=left.base_model if outcome == "succeeded" else None,
        checkpoint=left.checkpoint if outcome != "succeeded" else None,
        executor=exit.executor,
        executor_note=exit.note,
    )
    _finish(state, attempt, now, done)


def on_lost(state: AgentState, key: Key, error: str, now: float) -> None:
    """The agent or the worker went down under an attempt."""
    attempt = state.attempts[key]
    if attempt.phase is not Phase.FINISHED:
        _finish(state, attempt, now, Finished("lost", error=error, started_at=attempt.started_at))


def on_tick(state: AgentState, now: float) -> None:
    """Time has passed: stop what runs too long, or gives no sign of life."""
    for attempt in running(state):
        limit = deadlines.verdict(attempt, now)
        if limit is not None:
            _stop(state, attempt, limit)


def look_again(state: AgentState) -> None:
    """Another run may have put into the cache what we want."""
    for content_hash, status in state.artefacts.items():
        if status is Artefact.WANTED and state.waiting.get(content_hash):
            state.outbox.append(cmd.Look(content_hash))


# --- what others ask


def next_deadline(state: AgentState) -> Optional[float]:
    """Return when `on_tick` has something to do; None for never."""
    dues = map(deadlines.due_at, running(state))
    return min((due for due in dues if due is not None), default=None)


def busy(state: AgentState) -> bool:
    """Return whether anything runs or is being collected."""
    phases = (Phase.STARTING, Phase.RUNNING, Phase.COLLECTING)
    return any(item.phase in phases for item in state.attempts.values())


def patience_s(state: AgentState, most_s: float) -> float:
    """Return how long to wait for a master with nothing to do: less where nothing is held for it."""
    return most_s if state.attempts else min(most_s, _NOTHING_HELD_S)


def running(state: AgentState) -> List[Attempt]:
    """Return the attempts that run."""
    attempts = map(state.attempts.__getitem__, state.slots.values())
    return [attempt for attempt in attempts if attempt.phase is Phase.RUNNING]


def queued(state: AgentState) -> bool:
    """Return whether an attempt waits for nothing but a slot."""
    return any(slot_assignment.is_ready(state, number, key) for number, key in state.ready)


# --- steps


def _await(state: AgentState, attempt: Attempt, now: float) -> None:
    """Put a queued attempt where it belongs: ready, or waiting for the first artefacts it lacks."""
    lacking = [name for name in attempt.needs if state.artefacts.get(name) is not Artefact.PRESENT]
    if not lacking:
        heapq.heappush(state.ready, (attempt.number, attempt.key))
    for name in lacking:
        unattended = not state.waiting.get(name)
        state.waiting.setdefault(name, set()).add(attempt.key)
        if name not in state.artefacts:
            state.artefacts[name] = Artefact.LOOKING
            state.outbox.append(cmd.Look(name))
        elif state.artefacts[name] is not Artefact.LOOKING:
            _stage(state, attempt, now)
        if unattended and state.artefacts[name] is Artefact.WANTED:
            # Nobody waited when a master came last, so that one may not know that it is wanted.
            state.outbox.append(cmd.Send(Wanted(name)))


def _want(state: AgentState, content_hash: str, now: float) -> None:
    state.artefacts[content_hash] = Artefact.WANTED
    _say_staging(state, content_hash, now)
    state.outbox.append(cmd.Send(Wanted(content_hash)))


def _say_staging(state: AgentState, content_hash: str, now: float) -> None:
    for key in sorted(state.waiting.get(content_hash, set())):
        _stage(state, state.attempts[key], now)


def _stage(state: AgentState, attempt: Attempt, now: float) -> None:
    """Tell once that an attempt waits for an artefact."""
    if not attempt.staged:
        attempt.staged = True
        _record(state, "staging", attempt.key, now, {})


def _requeue(state: AgentState, key: Key) -> Attempt:
    attempt = state.attempts[key]
    slot_assignment.free(state, attempt)
    attempt.phase = Phase.QUEUED
    heapq.heappush(state.ready, (attempt.number, key))
    return attempt


def _stop(state: AgentState, attempt: Attempt, verdict: str) -> None:
    if attempt.verdict is None:
        attempt.verdict = verdict
        state.outbox.append(cmd.Stop(attempt.key))


def _outcome(attempt: Attempt, exit: Exit, left: cmd.Collected) -> Tuple[str, Optional[str]]:
    problem = left.problem
    if attempt.verdict == "lost":
        return "lost", f"the GPU of slot {attempt.slot} is gone: the driver does not list it any more"
    if attempt.verdict is not None:
        return attempt.verdict, deadlines.explain(attempt)
    if exit.problem:
        return "lost", exit.problem
    if exit.exit_code == EXIT_REQUEUE:
        return "requeue", "the script asked for another try (exit code 75)"
    if exit.exit_code != EXIT_SUCCESS:
        if slot_assignment.ran_out_of_gpu_memory(attempt.slot, left.stderr_tail):
            return OUT_OF_MEMORY, f"not enough GPU memory in slot {attempt.slot}"
        return "failed", "; ".join(filter(None, (_describe_exit(exit.exit_code), problem)))
    return ("failed", problem) if problem else ("succeeded", None)


def _describe_exit(code: int) -> str:
    if code == -9:
        return "killed by signal 9: by somebody, or because the machine was out of memory"
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"


def _finish(state: AgentState, attempt: Attempt, now: float, done: Finished) -> None:
    slot_assignment.free(state, attempt)
    attempt.phase, attempt.succeeded = Phase.FINISHED, done.outcome == "succeeded"
    for name in attempt.needs:
        state.waiting.get(name, set()).discard(attempt.key)
    _record(state, "finished", attempt.key, now, {**done.__dict__, "slot": attempt.slot})


def _record(state: AgentState, kind: str, key: Key, now: float, detail: Dict[str, Any]) -> None:
    state.seq += 1
    state.outbox.append(cmd.Record(Event(state.seq, kind, key[0], key[1], now, detail)))


def _maybe_leave(state: AgentState) -> None:
    if not state.leaving or state.acked < state.seq:
        return
    if all(item.phase is Phase.FINISHED for item in state.attempts.values()):
        state.outbox.append(cmd.Leave())
