"""What people are told of a run: the words, from its state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from master.core.exit_codes import EXIT_ALL_SUCCEEDED, EXIT_INTERRUPTED, EXIT_NO_WORKER
from master.core.harmless import cut, last_line, without_controls
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import ENDED, State
from master.core.running.records import JobRecord, RunState
from master.core.running.summary import JobRow, job_row
from master.specs import TOLD_OF_END, TOLD_OF_FAILURE, TOLD_OF_WORKER
from master.view.wording import duration, job_name, plural

MOST_CHARACTERS = 1800
"""Of a text: the least that a chat takes is 2,000."""
LAST_LINES = 15
_MOST_WAYS = 5
_SHOWN = (State.SUCCEEDED, State.PRUNED, State.FAILED, State.BLOCKED, State.CANCELLED)


@dataclass(frozen=True)
class Message:
    """What is told."""

    event: str
    """One of `specs.TOLD_OF`."""
    title: str
    text: str
    more: Mapping[str, Any] = field(default_factory=dict)
    """What a program may want to know, ready for JSON."""


def of_failure(state: RunState, record: JobRecord, place: str) -> Message:
    """Tell of the first job that failed; `place` is the run's directory and machine."""
    row, name = job_row(record), job_name(record.job)
    tries = f"try {row.attempts}" if row.attempts > 1 else ""
    took = f"after {duration(row.duration_s)}" if row.duration_s is not None else ""
    how = ", ".join(part for part in (f"on {row.where}" if row.where else "", tries, took) if part)
    still = f"{plural(state.open_jobs, 'job')} of {len(state.jobs):,} not ended yet."
    open_jobs = still if state.open_jobs else ""
    why = _reason_of(row)
    parts = (f"{why}{f' ({how})' if how else ''}", last_lines(row.stderr_tail), open_jobs, place)
    more = {"job": record.job.job_id, "error": why, "worker": row.worker}
    return Message(TOLD_OF_FAILURE, f"{name} failed", text_of(parts), more)


def _reason_of(row: JobRow) -> str:
    return row.error.removeprefix("failed: ")


def of_workers(views: Sequence[WorkerView], state: RunState, place: str) -> Message:
    """Tell of workers that are lost."""
    names = [view.name for view in views]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    reasons = "\n".join(f"{view.name}: {_reason(view, state)}" for view in views[:_MOST_WAYS])
    left = sum(view.available for view in state.workers.values())
    good = f"{left:,} of {plural(len(state.workers), 'worker')} can be used."
    lost = f"{shown} {'is' if len(names) == 1 else 'are'} lost"
    return Message(TOLD_OF_WORKER, lost, text_of((reasons, good, place)), {"workers": names})


def _reason(view: WorkerView, state: RunState) -> str:
    why = without_controls(" ".join((view.trouble or "no answer").split()))
    if not view.usable:
        return f"cannot be used: {why}"
    return f"silent for {duration(state.policy.lease_s)}, its jobs go elsewhere: {why}"


def of_end(state: RunState, exit_code: int | None, took_s: float, place: str) -> Message:
    """Tell how the run ended; `exit_code` None where an error ended it."""
    rows = [job_row(record) for record in state.jobs.values()]
    counts = Counter(row.state for row in rows)
    parts = (
        f"{_counts(counts)}, after {duration(took_s)}.",
        state.halted and f"Halted: {state.halted}.",
        "\n".join(_failures(rows)),
        _advice(exit_code, state),
        place,
    )
    ranked = sorted(counts.items(), key=lambda item: item[0].value)
    more = {
        "exit_code": exit_code,
        "seconds": round(took_s, 1),
        "jobs": {state.value: number for state, number in ranked},
    }
    return Message(TOLD_OF_END, _ending(exit_code, counts), text_of(parts), more)


def _ending(exit_code: int | None, counts: Counter[State]) -> str:
    total = sum(counts.values())
    if exit_code is None:
        return "the run was ended by an error"
    if exit_code == EXIT_ALL_SUCCEEDED and counts[State.PRUNED]:
        return f"{counts[State.SUCCEEDED]:,} of {plural(total, 'job')} succeeded, the others were pruned"
    if exit_code == EXIT_ALL_SUCCEEDED:
        return f"all {plural(total, 'job')} succeeded" if total != 1 else "the job succeeded"
    if exit_code == EXIT_NO_WORKER:
        return "the run has no usable worker"
    if exit_code == EXIT_INTERRUPTED:
        return f"the run was stopped: {counts[State.SUCCEEDED]:,} of {plural(total, 'job')} succeeded"
    return f"the run has ended: {counts[State.FAILED]:,} of {plural(total, 'job')} failed"


def _counts(counts: Counter[State]) -> str:
    left = sum(number for state, number in counts.items() if state not in ENDED)
    parts = [f"{counts[state]:,} {state.value}" for state in _SHOWN if counts[state]]
    return ", ".join([*parts, *([f"{left:,} not ended"] if left else [])]) or "no jobs"


def _failures(rows: Iterable[JobRow]) -> Iterator[str]:
    """Yield the ways in which jobs failed, the most frequent first."""
    ways: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.state is State.FAILED:
            ways.setdefault((_reason_of(row), last_line(row.stderr_tail)), []).append(row.job_id)
    ranked = sorted(ways.items(), key=lambda item: -len(item[1]))
    for (error, said), names in ranked[:_MOST_WAYS]:
        more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        yield f"{names[0]}{more}: {cut(error, 200)}" + (f": {cut(said, 200)}" if said not in error else "")
    if left := len(ranked) - _MOST_WAYS:
        yield from [f"… and {plural(left, 'other way', 'other ways')} to fail"] if left > 0 else []


def _advice(exit_code: int | None, state: RunState) -> str:
    return "The same command goes on." if exit_code is None or state.open_jobs else ""


def last_lines(log: str) -> str:
    """Return the last lines of a log that say something, as a terminal without colours would show them."""
    shown = (line.rstrip().rpartition("\r")[2] for line in log.split("\n"))
    lines = [line.rstrip() for line in map(without_controls, shown)]
    kept = [cut(line, 300) for line in lines if line][-LAST_LINES:]
    return _ending_of("\n".join(kept), MOST_CHARACTERS - 600)


def _ending_of(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[-most:]}"


def text_of(parts: Iterable[str]) -> str:
    """Return the parts that say something, a blank line between them, as long as a chat takes."""
    return cut("\n\n".join(part for part in parts if part), MOST_CHARACTERS)
