"""How attempts end: the outcome and the event that tells of it."""

from __future__ import annotations

from typing import Optional, Tuple, Union

from worker_agent.core import commands as cmd
from worker_agent.core import deadlines, slot_assignment
from worker_agent.core.excess import output_problem
from worker_agent.core.execution import Exit, Key
from worker_agent.core.state import AgentState, Attempt, Phase
from worker_agent.protocol.events import Event, EventKind, Running, Staging
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.protocol.script_contract import EXIT_REQUEUE, EXIT_SUCCESS

_MACHINE_FULL = "the machine had no memory left; the job was within its own limit"
_NO_SCOPE = (
    "systemd has not begun the job, for it made no scope for its limits (`systemctl --user status` there)"
)


def record(
    state: AgentState, kind: EventKind, key: Key, now: float, detail: Union[Staging, Running, Finished]
) -> None:
    """Spool an event under the next number."""
    state.seq = state.last_event = state.seq + 1
    state.outbox.append(cmd.Record(Event(state.seq, kind, key[0], key[1], now, detail)))


def finish(state: AgentState, attempt: Attempt, now: float, done: Finished) -> None:
    """Tell of an attempt's end, and free what it holds."""
    slot_assignment.free(state, attempt)
    attempt.phase, attempt.succeeded = Phase.FINISHED, done.succeeded
    for name in attempt.needs:
        state.waiting.get(name, set()).discard(attempt.key)
    record(state, EventKind.FINISHED, attempt.key, now, done)


def outcome_of(attempt: Attempt, exit: Exit, left: cmd.Collected) -> Tuple[Outcome, Optional[str]]:
    """Return how an attempt that ran has ended, and why, where it has not succeeded."""
    problem = left.problem
    if attempt.verdict is Outcome.LOST:
        return Outcome.LOST, f"the GPU of slot {attempt.slot} is gone: the driver does not list it any more"
    if attempt.verdict in (Outcome.OVER_LIMIT, Outcome.EVICTED):
        return attempt.verdict, attempt.excess or None
    if attempt.verdict is not None:
        return attempt.verdict, deadlines.explain(attempt)
    if exit.problem:
        return Outcome.LOST, exit.problem
    if exit.refused:
        return Outcome.WORKER_FAULT, f"{_NO_SCOPE}: {exit.refused}"
    if exit.machine_full and exit.exit_code != EXIT_SUCCESS:
        return Outcome.WORKER_FAULT, f"{_describe_exit(exit.exit_code)}: {_MACHINE_FULL}"
    if left.worker_fault:
        how = "" if exit.exit_code == EXIT_SUCCESS else _describe_exit(exit.exit_code)
        return Outcome.WORKER_FAULT, "; ".join(filter(None, (how, problem)))
    if exit.exit_code == EXIT_REQUEUE:
        return Outcome.REQUEUE, "the script asked for another try (exit code 75)"
    if exit.exit_code != EXIT_SUCCESS:
        if slot_assignment.ran_out_of_gpu_memory(attempt.slot, left.stderr_tail):
            return Outcome.OUT_OF_MEMORY, f"not enough GPU memory in slot {attempt.slot}"
        return Outcome.FAILED, "; ".join(filter(None, (_describe_exit(exit.exit_code), problem)))
    if problem:
        return Outcome.FAILED, problem
    over = output_problem(attempt.launch.limits, _bytes_of(left))
    return (Outcome.OVER_LIMIT, over) if over else (Outcome.SUCCEEDED, None)


def _bytes_of(left: cmd.Collected) -> int:
    """Return how much room what an attempt left takes; watching may have missed the end of it."""
    files = [
        *left.files,
        *(left.base_model.files if left.base_model else ()),
        *([left.log] if left.log else ()),
    ]
    sizes: int = sum(file.size for file in files)
    return sizes - left.hole_bytes


def _describe_exit(code: int) -> str:
    if code == -9:
        return "killed by signal 9: by somebody, or because the machine was out of memory"
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
