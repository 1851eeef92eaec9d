"""Orders about several jobs or workers: each is looked at, and acted on or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from master.core.nearest import hint, shown
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.orders.of_jobs import CancelJobs, RetryJobs, SetPriority
from master.core.running.orders.order import Reply, Said
from master.core.running.records import JobRecord, RunState

_Thing = TypeVar("_Thing")
_Says = Callable[[_Thing], str]


def each_worker(
    state: RunState, names: Iterable[str], problem: _Says[WorkerView], act: _Says[WorkerView]
) -> Reply:
    """Act on each worker that is named.

    `problem` says why nothing is done with one, empty where it is, and `act` what is done with it.
    """
    return _each(names, state.workers.get, lambda name: _no_worker(state, name), problem, act)


def each_job(
    state: RunState,
    order: CancelJobs | SetPriority,
    problem: _Says[JobRecord],
    act: _Says[JobRecord],
) -> Reply:
    """Act on each job that an order names, unless it is in none of the states that the order is for."""
    return _each(
        order.jobs, state.jobs.get, no_job, lambda record: problem(record) or by_now(record, order), act
    )


def _each(
    names: Iterable[str],
    known: Callable[[str], _Thing | None],
    unknown: Callable[[str], str],
    problem: _Says[_Thing],
    act: _Says[_Thing],
) -> Reply:
    done, refused = list[Said](), list[Said]()
    for name in dict.fromkeys(names):
        thing = known(name)
        if thing is None or (why := problem(thing)):
            refused.append(Said(name, why if thing else unknown(name)))
        else:
            done.append(Said(name, act(thing)))
    return Reply(tuple(done), tuple(refused))


def by_now(record: JobRecord, order: CancelJobs | RetryJobs | SetPriority) -> str:
    """Say that a job has left the states that an order is for; empty where it has not."""
    return f"is {record.state.value} by now" if order.only and record.state.value not in order.only else ""


def no_job(job_id: str) -> str:
    """Say that a run has no such job."""
    return f"no job {shown(job_id)} in this run"


def _no_worker(state: RunState, name: str) -> str:
    """Say that a run has no worker of this name, and which one may be meant."""
    if name in state.removed:
        return f"was removed{state.removed[name].signed}: add-worker takes it back"
    known = hint(name, state.workers) if state.workers else "the run has none"
    return f"no worker {shown(name)} in this run: {known}"
