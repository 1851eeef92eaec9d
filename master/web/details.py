"""One job: what became of it, what it was given, how it differs from its neighbours; and base models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from itertools import islice
from typing import Any

from master.core.explaining.planned import Planned
from master.core.harmless import brief, last_line
from master.core.json_values import same
from master.core.planning.generations.trees import in_tree
from master.core.planning.identity import CODE_FIELD, PARENT_FIELD
from master.core.planning.plan import base_model_job_id
from master.core.running.commands import Transition
from master.runs.job_json import job_json
from master.web.model import Fields, Model
from worker_agent.protocol.outcome import Outcome

MOST_NEIGHBOURS = 6
_MOST_COMPARED = 2000
_LONGEST = 500


def detail_json(model: Model, job_id: str, history: Iterable[Transition]) -> dict[str, Any]:
    """Return all that the journal tells of a job."""
    job = model.jobs[job_id]
    return {
        **job_json(model.row(job_id)),
        "since": model.standing(job_id).since or None,
        "parameters": dict(model.fields.get(job_id, {})),
        "base": job.makes or job.needs,
        "history": [_line(each) for each in history],
        "neighbours": neighbours(model, job_id),
    }


def journal_json(items: Iterable[tuple[int, Transition]]) -> list[dict[str, Any]]:
    """Return lines of the journal, each with its number and its job."""
    return [{"seq": seq, "job": item.job_id, **_line(item)} for seq, item in items]


def _line(item: Transition) -> dict[str, Any]:
    return {
        "at": item.at,
        "what": item.trigger.value,
        "state": item.state.value,
        "attempt": item.attempt,
        "worker": item.worker,
        "note": _note(item),
    }


def _note(item: Transition) -> str:
    """Return the note of a line, with how the try ended where that says more."""
    note, said = brief(item.note, _LONGEST), _said(item)
    return ": ".join(filter(None, (note, said if said not in note else "")))


def _said(item: Transition) -> str:
    """Return how a try ended that did not succeed: the last that it wrote, else its outcome."""
    finished = item.finished
    if finished is None or finished.outcome is Outcome.SUCCEEDED:
        return ""
    return last_line(finished.stderr_tail) or finished.outcome.value


def neighbours(model: Model, job_id: str) -> list[dict[str, Any]]:
    """Return the jobs whose parameters are most like a job's, each with what is different."""
    own = model.fields.get(job_id)
    if not own:
        return []
    others = (each for each in _around(model, job_id) if each != job_id and each in model.fields)
    apart = ((_difference(own, model.fields[each]), each) for each in others)
    nearest = nsmallest(MOST_NEIGHBOURS, apart, key=lambda each: len(each[0]))
    return [
        {"id": other, "state": model.standing(other).state, "different": difference}
        for difference, other in nearest
    ]


def _around(model: Model, job_id: str) -> Iterable[str]:
    """Return the jobs that a plan names near a job: those of a sweep are most like their neighbours there."""
    place = next(n for n, each in enumerate(model.jobs) if each == job_id)
    first = max(0, place - _MOST_COMPARED // 2)
    return islice(model.jobs, first, first + _MOST_COMPARED)


def _difference(own: Fields, other: Fields) -> dict[str, list[Any]]:
    """Return the fields that are not equal, with both values; None for a field that one has not."""
    names = dict.fromkeys((*own, *other))
    return {
        name: [own.get(name), other.get(name)]
        for name in names
        if name not in own or name not in other or not same(own[name], other[name])
    }


def base_models(model: Model, stored: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the base models with what starts from each; `stored` are the manifests of those at home."""
    waiting = {spec_hash: +counts for spec_hash, counts in model.index.of_base.items()}
    configs = model.planned.base_models if model.planned else {}
    planned = model.planned or Planned({}, {})
    _leave_out_trainings(model, waiting, planned.starts)
    found = []
    for spec_hash, depth in in_tree((*configs, *waiting), planned.starts):
        users = waiting.get(spec_hash, Counter())
        told = _base_model(model, spec_hash, configs.get(spec_hash, {}), users, stored)
        of_tree = {**planned.start_of(spec_hash), "stage": planned.stages.get(spec_hash, ""), "depth": depth}
        found.append({**told, **of_tree})
    return found


def _leave_out_trainings(model: Model, users: dict[str, Counter[str]], parents: Mapping[str, str]) -> None:
    """Let experiments alone count as users: the trainings that start from a base model stand below it."""
    for child, parent in parents.items():
        job_id = base_model_job_id(child)
        if parent in users and job_id in model.jobs:
            state = model.row(job_id).state.value
            users[parent][state] -= 1
            users[parent] += Counter()  # drops what is zero


def _base_model(
    model: Model,
    spec_hash: str,
    config: Fields,
    users: Counter[str],
    stored: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    job_id, manifest = base_model_job_id(spec_hash), stored.get(spec_hash)
    row = model.row(job_id) if job_id in model.jobs else None
    seconds = row.duration_s if row else (manifest or {}).get("duration_seconds")
    trained = row is not None and row.state.value == "succeeded"
    at_home = manifest is not None or trained
    is_tree = model.planned is not None and bool(model.planned.starts)
    in_all = model.planned.trainings.get(spec_hash, 0) if model.planned and is_tree else users.total()
    saved = max(0, in_all - trained) if at_home else 0
    return {
        "spec_hash": spec_hash,
        "config": {name: value for name, value in config.items() if name not in (CODE_FIELD, PARENT_FIELD)},
        "job": job_id if row else None,
        "state": row.state.value if row else ("stored" if manifest else "unknown"),
        "where": row.where if row else (manifest or {}).get("worker"),
        "seconds": seconds,
        "says": brief(row.error, _LONGEST) if row else "",
        "at_home": at_home,
        "jobs": dict(users),
        "jobs_in_all": model.planned.users.get(spec_hash, 0) if model.planned and is_tree else users.total(),
        "trainings_saved": saved,
        "seconds_saved": saved * seconds if seconds else None,
    }
