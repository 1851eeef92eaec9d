"""`set`: which jobs go first, how many run at a time, and who is told of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from master.core.planning.resources import MOST_PRIORITY, NO_RESOURCES
from master.core.running import commands as cmd
from master.core.running.jobs import base_of, comes_again
from master.core.running.lifecycle import ENDED, WITH_A_WORKER
from master.core.running.orders.each import each_job
from master.core.running.orders.of_jobs import SetAtOnce, SetNotify, SetPriority
from master.core.running.orders.order import Ordered, Reply, Said
from master.core.running.placing.assigning import attempts_out
from master.core.running.records import JobRecord, Outbox, RunState

RUN = "run"
"""What an order is about that is about no job or worker alone."""


def set_priority(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Let jobs that have not started go before those of a lower priority, or behind."""
    assert isinstance(event.order, SetPriority)
    priority = event.order.priority
    if not -MOST_PRIORITY <= priority <= MOST_PRIORITY:
        return Reply(refused=(Said(RUN, f"knows priorities from {-MOST_PRIORITY} to {MOST_PRIORITY}"),))

    def act(record: JobRecord) -> str:
        says = f"{priority}, was {record.job.resources.priority}"
        if not event.dry_run:
            _prefer(state, record, priority)
        return says

    return each_job(state, event.order, _why_not, act)


def _why_not(record: JobRecord) -> str:
    if record.state in ENDED:
        return f"has ended: it is {record.state.value}"
    if record.state in WITH_A_WORKER:
        return f"has been started: it is {record.state.value} on {record.worker}"
    return ""


def replay_priority(state: RunState, event: Ordered) -> None:
    """Let it hold after a restart, for the jobs that are there still."""
    assert isinstance(event.order, SetPriority)
    for job_id in event.order.jobs:
        if record := state.jobs.get(job_id):
            _prefer(state, record, event.order.priority)


def _prefer(state: RunState, record: JobRecord, priority: int) -> None:
    """Set a job's priority; the base model that it waits for, and its ancestors, go at least as early."""
    _set(state, record, priority)
    base = base_of(state, record)
    if base and base.job.resources.priority < priority:
        _prefer(state, base, priority)


def _set(state: RunState, record: JobRecord, priority: int) -> None:
    needs = replace(record.job.resources, priority=priority)
    is_queued = record.job in state.ready
    if is_queued:
        state.ready.discard(record.job)
    record.job = replace(record.job, resources=NO_RESOURCES if needs == NO_RESOURCES else needs)
    if is_queued:
        state.ready.add(record.job, again=comes_again(record))


def set_at_once(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Let at most so many jobs run at a time from now on; what runs goes on."""
    assert isinstance(event.order, SetAtOnce)
    before, most = state.at_once, event.order.most
    says = f"{_at_once(most)}, was {_at_once(before)}"
    if not event.dry_run:
        state.at_once = most
    return Reply((Said(RUN, says),), notes=tuple(_beside(state, most)))


def _beside(state: RunState, most: int | None) -> Iterator[str]:
    """Yield what keeps the number from being that of the jobs that run."""
    running, allowed = attempts_out(state), state.policy.max_running
    if most is not None and running > most:
        yield f"{running} run now: they finish"
    if allowed is not None and (most is None or most > allowed):
        yield f"the run was started to run {allowed} at a time, and that stays so"


def _at_once(most: int | None) -> str:
    if most == 0:
        return "nothing is started"
    return "as many at a time as there is room for" if most is None else f"{most} at a time"


def replay_at_once(state: RunState, event: Ordered) -> None:
    """Let it hold after a restart."""
    assert isinstance(event.order, SetAtOnce)
    state.at_once = event.order.most


def set_notify(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Tell those of it from now on whose addresses are in a file."""
    assert isinstance(event.order, SetNotify)
    addresses = event.order.addresses
    if "://" in addresses or not addresses.startswith("/"):
        return Reply(refused=(Said(RUN, "takes the absolute path of a file of addresses, and no address"),))
    if not event.dry_run:
        out.commands.append(cmd.TellPeople(addresses))
    return Reply((Said(RUN, f"tells those in {addresses}, until it ends or is stopped"),))
