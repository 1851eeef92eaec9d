"""Where jobs stand by their transitions alone, for those who look at a run and do not run it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from master.core.planning.plan import BASE_MODELS, Job
from master.core.running.lifecycle import REMARKS, WITH_A_WORKER, State, Trigger
from master.core.running.records import JobRecord
from master.core.running.summary import JobRow, job_row
from worker_agent.protocol.codec import load, parse
from worker_agent.protocol.outcome import Finished

_ASIDE = frozenset(each.value for each in (Trigger.DROP, *REMARKS))
"""What is of another attempt than the one by which a job stands, or changes nothing of where it stands."""


@dataclass
class Standing:
    """Where a job stands."""

    state: str = State.PENDING.value
    since: float = 0.0
    """Unix time of its last transition; 0 for a job that has had none."""
    attempt: int = 0
    attempts: int = 0
    """Highest attempt ever given out."""
    worker: str | None = None
    started_at: float | None = None
    """Unix time of the start of the current attempt, None before it."""
    note: str = ""
    detail: str | None = None
    """How the last attempt that ended did, as the journal has it."""
    content_hash: str = ""
    trigger: str = field(default="", compare=False)
    """Of its last transition."""


def standings(
    rows: Iterable[tuple[Any, ...]], known: dict[str, Standing] | None = None
) -> dict[str, Standing]:
    """Return where jobs stand by the rows of a journal, the oldest first, nothing of which is parsed.

    `known` is what earlier rows have told: it is brought up to date.
    """
    # Hundreds of thousands of them: no object is made of a line.
    found = {} if known is None else known
    aside, start, collect = _ASIDE, Trigger.START.value, Trigger.COLLECT.value
    for at, job_id, trigger, state, attempt, worker, note, detail, content_hash in rows:
        standing = found.get(job_id)
        if trigger in aside and standing is not None:
            continue
        if standing is None:
            standing = found[job_id] = Standing()
        if attempt != standing.attempt:
            standing.started_at = None
            standing.attempts = max(attempt, standing.attempts)
        standing.state, standing.since, standing.attempt = state, at, attempt
        standing.worker, standing.note, standing.trigger = worker, note, trigger
        if trigger == start:
            standing.started_at = at
        if detail is not None:
            standing.detail = detail
        if trigger == collect:
            standing.content_hash = content_hash
    return found


def row_of(job: Job, standing: Standing) -> JobRow:
    """Return the row of a job.  Raises ValueError and the like for a standing that is damaged."""
    finished = parse(Finished, load(standing.detail)) if standing.detail is not None else None
    state = State(standing.state)
    record = JobRecord(
        job,
        state,
        attempt=standing.attempt,
        attempts=standing.attempts,
        worker=standing.worker,
        finished=None if state in WITH_A_WORKER else finished,
        content_hash=standing.content_hash,
        note=standing.note,
        cancelled_by=standing.note if standing.trigger == Trigger.USER_CANCEL.value else "",
    )
    row = job_row(record)
    return replace(row, started_at=standing.started_at) if row.started_at is None else row


def job_of(job_id: str) -> Job:
    """Return what is known of a job that the latest start did not have."""
    folder, _, name = job_id.partition("/")
    return Job(job_id, phase=1, makes=name) if folder == BASE_MODELS else Job(job_id, phase=2)
