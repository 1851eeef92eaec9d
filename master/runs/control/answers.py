"""What a running master answers: a path, a state and a time go in, a status and an object come out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from master.core.explaining.cause_json import to_json
from master.core.explaining.explain import explain
from master.core.nearest import shown
from master.core.running.records import RunState

Answer = tuple[HTTPStatus, dict[str, Any]]
WHY, LOGS = "/api/why/", "/api/logs/"
"""Before the id of a job."""


def answer(path: str, state: RunState, at: float) -> Answer:
    """Return the answer to a GET of `path`; `at` is now, as Unix time."""
    if path.startswith(WHY):
        return _why(unquote(path[len(WHY) :]), state, at)
    return _error(f"no route {shown(path)}")


def _why(job_id: str, state: RunState, at: float) -> Answer:
    record = state.jobs.get(job_id)
    if record is None:
        # No search for what is like it: the run stands still meanwhile.
        return _error(f"no job {shown(job_id)} in this run")
    cause = explain(state, job_id)
    told = {"job_id": job_id, "state": record.state.value, "note": record.note, "at": at}
    return HTTPStatus.OK, {**told, "cause": to_json(cause) if cause else None}


def _error(problem: str) -> Answer:
    return HTTPStatus.NOT_FOUND, {"error": problem}
