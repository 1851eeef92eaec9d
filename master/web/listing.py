"""Which jobs a visitor sees, in which order, and what of each: pages from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from master.core.explaining.standing import Standing
from master.core.harmless import brief
from master.core.json_values import same
from master.core.nearest import shown
from master.core.planning.plan import Job, base_model_job_id
from master.intake.sweeps.words import named_value
from master.view.answers.states import STATES
from master.web.model import Model

MOST_ROWS = 200
"""In a page."""
_RANK = {state: rank for rank, state in enumerate(STATES)}
_LONGEST = 300


@dataclass(frozen=True)
class Wish:
    """What the visitor wants to see."""

    query: str = ""
    """Words that must all fit: `name=value` a field, any other a part of the id, worker or note."""
    states: tuple[str, ...] = ()
    """Empty: all."""
    base: str = ""
    """Only what makes or starts from this base model."""
    sort: str = "state"
    reverse: bool = False


Fits = Callable[[str, Job, Standing], bool]
_KEYS: Mapping[str, Callable[[str, Standing], Any]] = {
    "state": lambda job_id, standing: _RANK[standing.state],
    "since": lambda job_id, standing: standing.since,
    "job": lambda job_id, standing: job_id,
    "worker": lambda job_id, standing: standing.worker or "",
    "tries": lambda job_id, standing: standing.attempts,
}


def selected(model: Model, wish: Wish) -> list[str]:
    """Return the ids of the jobs that a visitor wants to see, in his order."""
    tests = list(_tests(model, wish))
    all_jobs = ((job_id, job, model.standing(job_id)) for job_id, job in model.jobs.items())
    found = [(each[0], each[2]) for each in all_jobs if all(fits(*each) for fits in tests)]
    key = _KEYS[wish.sort]
    return [job_id for job_id, _ in sorted(found, key=lambda each: key(*each), reverse=wish.reverse)]


def check(model: Model, job_id: str) -> None:
    """Raise LookupError for a job that is none of the run."""
    if job_id not in model.jobs:
        raise LookupError(f"no job {shown(job_id)} in this run")


def _tests(model: Model, wish: Wish) -> Iterable[Fits]:
    if wish.states:
        yield lambda job_id, job, standing: standing.state in wish.states
    if wish.base:
        yield lambda job_id, job, standing: wish.base in (job.makes, job.needs)
    for word in wish.query.split():
        name, equals, _ = word.partition("=")
        yield _field(model, word) if equals and name in model.names else _text(word.lower())


def _field(model: Model, word: str) -> Fits:
    name, value = named_value(word)
    nothing: Mapping[str, Any] = {}

    def fits(job_id: str, job: Job, standing: Standing) -> bool:
        fields = model.fields.get(job_id, nothing)
        return name in fields and same(fields[name], value)

    return fits


def _text(word: str) -> Fits:
    def fits(job_id: str, job: Job, standing: Standing) -> bool:
        return any(word in text.lower() for text in (job_id, standing.worker or "", standing.note))

    return fits


def row_json(model: Model, job_id: str, says: str = "") -> dict[str, Any]:
    """Return what a line of the list shows of a job; `says` is why it has not ended, where that is known."""
    row, standing = model.row(job_id), model.standing(job_id)
    return {
        "id": job_id,
        "phase": row.phase,
        "state": row.state.value,
        "since": standing.since or None,
        "started": standing.started_at or row.started_at,
        "seconds": row.duration_s,
        "tries": row.attempts,
        "where": row.where,
        "base": row.spec_hash,
        "why": brief(row.error, _LONGEST) or says or _says(model, model.jobs[job_id], standing),
    }


def _says(model: Model, job: Job, standing: Standing) -> str:
    """Return why a job has not ended, as far as the journal tells."""
    if standing.state == "pending" and job.needs:
        at = model.standing(base_model_job_id(job.needs))
        on = f" on {at.worker}" if at.worker and at.state == "running" else ""
        return f"waits for base model {job.needs[:8]}, which is {at.state}{on}"
    return _SAYS.get(standing.state, "")


_SAYS = {
    "collecting": "has succeeded, its outcome is on its way home",
    "staging": "waits there for the files that it starts from",
    "assigned": "is queued there",
    "ready": "waits for room on a worker",
}
