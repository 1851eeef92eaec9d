"""What a user wants of workers in a simulated run, and what of that holds: told from the orders alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from random import Random

from master.core.planning.plan import Job
from master.core.running.orders.of_jobs import (
    AddJobs,
    CancelJobs,
    RetryJobs,
    SetAtOnce,
    SetPriority,
)
from master.core.running.orders.of_workers import (
    AddWorker,
    DrainWorkers,
    PauseWorkers,
    RemoveWorkers,
    ResumeWorkers,
    SetSlots,
)
from master.core.running.orders.order import By, Order, Ordered

_ANNA = By(1000, "anna", 1)


def ordered(order: Order, at: float) -> Ordered:
    """Return an order as anna gives it."""
    return Ordered(at, _ANNA, order, "at random")


def of_jobs(random: Random, jobs: Sequence[str], at: float) -> Ordered:
    """Return what a user may want of some jobs, or of how many run at a time."""
    some = random.sample(jobs, random.randint(1, len(jobs)))
    few = some[: random.randint(1, 2)]
    kinds: tuple[Order, ...] = (
        CancelJobs(few),
        CancelJobs(some, ["ready", "pending"]),
        RetryJobs(few),
        RetryJobs(list(jobs), ["failed", "cancelled"]),
        SetPriority(few, random.randint(-1, 2)),
        SetAtOnce(random.choice([None, 1, 3])),
        AddJobs("more.json", ids={str(n): f"more{n}" for n in random.sample(range(6), 2)}),
    )
    return ordered(random.choice(kinds), at)


def added(orders: Iterable[Ordered]) -> list[Job]:
    """Return the jobs that orders add, each once: some start from a base model, of the run or another.

    Half of them are of an addition with a program of its own.
    """
    ids: dict[str, str] = {}
    for event in orders:
        if isinstance(event.order, AddJobs):
            ids |= {job_id: number for number, job_id in event.order.ids.items()}
    bases = (None, "base0", "other")
    return [
        Job(job_id, phase=2, needs=bases[int(n) % 3], kind="job", addition="lab" if int(n) > 2 else "")
        for job_id, n in ids.items()
    ]


def some_order(random: Random, name: str, at: float, pool: str = "") -> Ordered:
    """Return what a user may want of a worker; `pool` is whose seat it is."""
    until = random.choice([0.0, at + random.uniform(1, 200)])
    kinds: tuple[Order, ...] = (
        PauseWorkers([name], until),
        DrainWorkers([name], until, now=random.random() < 0.5),
        ResumeWorkers([name]),
        ResumeWorkers([name]),
        RemoveWorkers([name], now=random.random() < 0.5),
        AddWorker({}, name=name, pool=pool),
        AddWorker({}, name=name, pool=pool),
        SetSlots([name], random.choice([0, 1, 2, 5])),
    )
    return ordered(random.choice(kinds), at)


def all_back(pools: Mapping[str, str], at: float) -> list[Ordered]:
    """Return what lets all workers be used again; `pools` tells of each whose seat it is, "" for nobody's."""
    added = (AddWorker({}, name=name, pool=pool) for name, pool in pools.items())
    back: list[Order] = [ResumeWorkers(list(pools)), *added]
    return [ordered(order, at) for order in back]


def held_by_users(orders: Iterable[Ordered], at: float) -> list[str]:
    """Return the workers on which nothing may be started, as the orders that the journal has say."""
    until: dict[str, float] = {}
    for event in orders:
        match event.order:
            case PauseWorkers(names, end) | DrainWorkers(names, end):
                until |= dict.fromkeys(names, end or inf)
            case RemoveWorkers(names):
                until |= dict.fromkeys(names, inf)
            case ResumeWorkers(names):
                for name in names:
                    until.pop(name, None)
            case AddWorker(name=name):
                until.pop(name, None)
            case _:
                pass
    return [name for name, end in until.items() if at < end]


def at_once_by_users(orders: Iterable[Ordered]) -> int | None:
    """Return how many jobs may run at a time, as the orders that the journal has say; None: any number."""
    said = [event.order.most for event in orders if isinstance(event.order, SetAtOnce)]
    return said[-1] if said else None


def slots_by_users(orders: Iterable[Ordered]) -> dict[str, int]:
    """Return the workers that get at most so many jobs at a time; who is added is as it is."""
    most: dict[str, int] = {}
    for event in orders:
        match event.order:
            case SetSlots(names, slots):
                most |= dict.fromkeys(names, slots)
            case AddWorker(name=name):
                most.pop(name, None)
            case _:
                pass
    return {name: slots for name, slots in most.items() if slots}


def priorities_by_users(orders: Iterable[Ordered]) -> dict[str, int]:
    """Return the priorities that users gave to jobs."""
    given: dict[str, int] = {}
    for event in orders:
        if isinstance(event.order, SetPriority):
            given |= dict.fromkeys(event.order.jobs, event.order.priority)
    return given
