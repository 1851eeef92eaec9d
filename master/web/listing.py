"""Which jobs a visitor sees, in which order, and what of each: pages from memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

from master.core.explaining.standing import Standing
from master.core.harmless import brief, last_line
from master.core.nearest import shown
from master.core.planning.plan import Job, base_model_job_id
from master.core.running.lifecycle import State
from master.core.running.summary import JobRow
from master.intake.sweeps.words import named_value
from master.view.answers.states import STATES
from master.web.model import Model

MOST_ROWS = 200
"""In a page."""
MOST_WORDS = 16
"""Of a filter."""
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


def selected(model: Model, wish: Wish) -> list[str]:
    """Return the ids of the jobs that a visitor wants to see, in his order.

    Raises ValueError for too many words.
    """
    found: Iterable[str] = _in_order(model, wish)
    if wish.states and wish.sort != "state":
        found = [job_id for job_id in found if model.standing(job_id).state in wish.states]
    if wish.base:
        found = [each for each in found if wish.base in (model.jobs[each].makes, model.jobs[each].needs)]
    for word in _words(wish.query):
        name, equals, _ = word.partition("=")
        if equals and name in model.by_field.names:
            fit = model.by_field.having(*named_value(word))
            found = [job_id for job_id in found if job_id in fit]
        else:
            found = model.texts.fitting(word.lower(), found, model.standings)
    return list(found)


def _words(query: str) -> list[str]:
    """Return each word once; all jobs are looked at for each, on the thread of the page."""
    words = list(dict.fromkeys(query.split()))
    if len(words) > MOST_WORDS:
        raise ValueError(f"{len(words)} words, at most {MOST_WORDS} are looked for at once")
    return words


def _in_order(model: Model, wish: Wish) -> Iterable[str]:
    """Return all jobs in the order that is wanted; by state only those of the states that are."""
    if wish.sort == "state":
        chosen = [state for state in STATES if not wish.states or state in wish.states]
        by_state = model.index.by_state
        return chain.from_iterable(by_state[state] for state in (chosen[::-1] if wish.reverse else chosen))
    if wish.sort in _SORTED:
        ids = _SORTED[wish.sort](model)
        return reversed(ids) if wish.reverse else ids
    return _bucketed(model, _SHARED[wish.sort], reverse=wish.reverse)


_SORTED: Mapping[str, Callable[[Model], list[str] | dict[str, None]]] = {
    "since": lambda model: model.index.changed,
    "job": lambda model: model.ids,
}
_SHARED = {"worker": attrgetter("worker"), "tries": attrgetter("attempts")}


def _bucketed(model: Model, key: Callable[[Standing], Any], *, reverse: bool) -> Iterable[str]:
    """Return all jobs by something that many of them share."""
    buckets: defaultdict[Any, list[str]] = defaultdict(list)
    standing, never = model.standings.get, Standing()
    for job_id in model.jobs:
        buckets[key(standing(job_id, never))].append(job_id)
    return chain.from_iterable(buckets[each] for each in sorted(buckets, key=_first_nothing, reverse=reverse))


def _first_nothing(value: Any) -> tuple[bool, Any]:
    return value is not None, value


def check(model: Model, job_id: str) -> None:
    """Raise LookupError for a job that is none of the run."""
    if job_id not in model.jobs:
        raise LookupError(f"no job {shown(job_id)} in this run")


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
        "why": _failed(row) or says or _says(model, model.jobs[job_id], standing),
    }


def _failed(row: JobRow) -> str:
    """Return how a job ended in vain, with the last that it wrote where that says more."""
    error, said = brief(row.error, _LONGEST), last_line(row.stderr_tail) if row.state is State.FAILED else ""
    return f"{error}: {said}" if said and said not in error else error


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
