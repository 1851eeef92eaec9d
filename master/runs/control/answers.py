"""What a running master answers: a path, a state and a time go in, a status and an object come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from random import Random
from typing import Any
from urllib.parse import unquote

from master.core.explaining.cause_json import to_json
from master.core.explaining.explain import explain, speaks_for_all
from master.core.explaining.workers import WorkerStanding
from master.core.nearest import shown
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.forecast.ahead import Ahead
from master.core.running.forecast.tally import reckoning
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.runs.control.progress import ProgressBoard
from master.runs.snapshot import WorkerRow

Answer = tuple[HTTPStatus, dict[str, Any]]
Later = Callable[[], dict[str, Any]]
"""Makes what is told where that takes its time; it needs the state no more."""
WHY, LOGS = "/api/why/", "/api/logs/"
"""Before the id of a job."""
PROGRESS = "/api/progress/"
"""Before the number of the last report that is known."""
TIME_LEFT, MACHINES, WORKERS, USE = "/api/time-left", "/api/machines", "/api/workers", "/api/use"
"""Whole routes."""
_MOST_DIGITS = 15
_PHASES = {1: "base_models", 2: "experiments"}


def answer(path: str, state: RunState, at: float) -> tuple[HTTPStatus, dict[str, Any] | Later]:
    """Return the answer to a GET of `path`; `at` is now, as Unix time."""
    if path == TIME_LEFT:
        return HTTPStatus.OK, _time_left(state, at)
    if path == WORKERS:
        return HTTPStatus.OK, _workers(state, at)
    if path.startswith(WHY):
        return _why(unquote(path[len(WHY) :]), state, at)
    if path == MACHINES:
        return _machines(state, at)
    return _error(f"no route {shown(path)}")


def _workers(state: RunState, at: float) -> dict[str, Any]:
    return {"at": at, "workers": [asdict(WorkerStanding.of(view)) for view in state.workers.values()]}


def _time_left(state: RunState, at: float) -> Later:
    """Return what tells by phase how many seconds are left: null where nothing tells, or the run stops."""
    if state.stopping:
        return lambda: dict.fromkeys(_PHASES.values())
    reckon = reckoning(Ahead.of(state, at), state, at)
    return lambda: {_PHASES[phase]: left and asdict(left) for phase, left in reckon(Random(0).random).items()}


def _why(job_id: str, state: RunState, at: float) -> Answer:
    record = state.jobs.get(job_id)
    if record is None:
        # No search for what is like it: the run stands still meanwhile.
        return _error(f"no job {shown(job_id)} in this run")
    cause = explain(state, job_id, at)
    told = {
        "job_id": job_id,
        "state": record.state.value,
        "attempt": record.attempt,
        "note": record.note,
        "at": at,
    }
    return HTTPStatus.OK, {**told, "cause": to_json(cause) if cause else None}


def _machines(state: RunState, at: float) -> Answer:
    job_id = speaks_for_all(state)
    cause = explain(state, job_id, at) if job_id else None
    return HTTPStatus.OK, {
        "at": at,
        "stopping": state.stopping,
        "halted": state.halted,
        "idle": {"job_id": job_id, "cause": to_json(cause)} if cause else None,
        "workers": [_worker(view) for view in state.workers.values()],
    }


def _worker(view: WorkerView) -> dict[str, Any]:
    return {
        **asdict(WorkerRow.of(view)),
        "tried": view.tried,
        "since": view.since or None,
        "held": view.hold.word if view.hold else "",
        "paused_until": view.paused_until if view.paused else None,
        "gpu_bytes": list(view.gpu_bytes),
        "cores": view.cores or None,
        "memory_bytes": view.memory_bytes or None,
        "labels": sorted(view.labels),
    }


def with_progress(told: dict[str, Any], board: ProgressBoard) -> dict[str, Any]:
    """Return why a job has not ended, with how far it says it is, where it runs."""
    if told.get("state") != State.RUNNING.value:
        return told
    return {**told, "progress": board.last(told["job_id"], told["attempt"])}


def progress(path: str, board: ProgressBoard) -> Answer:
    """Return what running attempts have said since."""
    after = path[len(PROGRESS) :]
    if not (after.isascii() and after.isdecimal() and len(after) <= _MOST_DIGITS):
        return _error(f"no route {shown(path)}: a number is at its end")
    return HTTPStatus.OK, board.told(int(after))


def _error(problem: str) -> Answer:
    return HTTPStatus.NOT_FOUND, {"error": problem}
