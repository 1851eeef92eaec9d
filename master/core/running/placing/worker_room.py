"""Whether a worker is a machine for a job, and how much of it that takes: pure choices over plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable

from master.core.planning.job_limits import allows, told
from master.core.planning.resources import NO_RESOURCES, Resources
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.placing.placement import LEAST_ROOM, lookahead
from master.core.running.records import JobRecord, RunState

_MOST_NAMED = 3
_MOST_COUNTED = 10_000
_MARGIN = 1.1
"""What is learned of a job is not all that the next one of its kind may need."""


def has_room(view: WorkerView, mean_s: float | None, claim: float = LEAST_ROOM) -> bool:
    """Return whether a worker has room for so many slots' worth, where jobs take `mean_s` seconds."""
    return view.room(lookahead(view.slots, mean_s)) >= claim - LEAST_ROOM / 2


def may_have_room(view: WorkerView, claim: float, gpus: int | None = None) -> bool:
    """Return whether a worker has room for so many slots' worth once what this run has there has ended.

    Not for more than its user allows, nor on several GPUs while others have one of them: nobody knows for how
    long, and what fits meanwhile would wait behind it.
    """
    if view.most is not None and claim > view.most + LEAST_ROOM / 2:
        return False
    return (gpus or 1) == 1 or claim <= view.slots - view.held_by_others + LEAST_ROOM / 2


def need_of(state: RunState, record: JobRecord, view: WorkerView) -> int | None:
    """Return the bytes of GPU memory that a job gets on a worker; None for the usual slot.

    What the user says counts; else, where GPUs are shared by memory, what jobs of its kind had at most.
    """
    if not view.gpu_bytes or record.job.gpu_bytes is not None:
        return record.job.gpu_bytes
    peak = state.gpu_peaks.get(record.job.gpu_kind)
    if peak is None or view.slots_per_gpu is not None:
        return None
    return min(math.ceil(peak * _MARGIN), max(view.gpu_bytes)) or None


def cost(view: WorkerView, need: int | None, alone: bool, gpus: int | None = None) -> float | None:
    """Return how many slots' worth of a worker a job takes that runs on so many of its GPUs.

    None where not as many of its GPUs have the memory.
    """
    if not view.gpu_bytes:
        return 1.0
    several = gpus or 1
    with_memory = sum(not size or need is None or size >= need for size in view.gpu_bytes)
    each = _cost_of_one(view, need, alone) if several <= with_memory else None
    return None if each is None else several * each


def _cost_of_one(view: WorkerView, need: int | None, alone: bool) -> float | None:
    per_gpu = view.slots_per_gpu or 1
    if need is not None and 0 not in view.gpu_bytes and need > max(view.gpu_bytes):
        return None
    if alone:
        return float(per_gpu)
    if need is None or 0 in view.gpu_bytes:
        return 1.0
    share = need * per_gpu / min(size for size in view.gpu_bytes if size >= need)
    return share if view.slots_per_gpu is None else float(max(1, math.ceil(share)))


def largest_gpu(views: Iterable[WorkerView], at: float, patience_s: float) -> tuple[int, str] | None:
    """Return the bytes that the largest GPU has to give, and its worker.

    None while a worker that may have a larger one has not been seen, and where no GPU or its memory is known.
    """
    sizes: list[tuple[int, str]] = []
    for view in views:
        if view.usable and not view.up and not _is_given_up(view, at, patience_s):
            return None
        if view.available:
            sizes += [(size, view.name) for size in view.gpu_bytes]
    return max(sizes) if sizes and all(size for size, _ in sizes) else None


def has_larger(state: RunState, view: WorkerView, needs: Resources = NO_RESOURCES) -> bool:
    """Return whether another worker that takes such jobs has a larger GPU."""
    largest = max(view.gpu_bytes, default=0)
    return any(
        other.available
        and other.slots > other.held_by_others
        and max(other.gpu_bytes, default=0) > largest
        and suits(needs, other)
        for other in state.workers.values()
    )


def too_large(need: int, largest: int, worker: str) -> str:
    """Return what to say of a job that needs more GPU memory than any GPU has to give."""
    has = f"{largest / 1e9:.1f} GB to give ({worker})"
    return f"needs {need / 1e9:.1f} GB of GPU memory, the largest GPU has {has}"


def suits(needs: Resources, view: WorkerView) -> bool:
    """Return whether a worker that is up could run a job alone; what it does not tell is enough."""
    if needs is NO_RESOURCES:
        return True
    return (
        needs.labels <= view.labels
        and allows(view.limits, needs.limits)
        and (needs.gpus or 0) <= len(view.gpu_bytes)
        and not (view.cores and (needs.cpus or 0) > view.cores)
        and not (view.memory_bytes and (needs.memory or 0) > view.memory_bytes)
    )


def has_machine_room(state: RunState, needs: Resources, view: WorkerView) -> bool:
    """Return whether a worker has the cores and the memory now, beside what it runs.

    Where a job says how many cores it needs, those that say nothing count as one core.
    """
    if state.any_machine_needs:
        others = [state.jobs[job_id].job.resources for job_id, _ in view.attempts | view.reattached]
        return _cores_left(needs, others, view) and _memory_left(needs, others, view)
    return True


def machine_room(state: RunState, needs: Resources, view: WorkerView) -> int:
    """Return for how many jobs with these needs a worker has the cores and the memory now, 10,000 at most."""
    others = [state.jobs[job_id].job.resources for job_id, _ in view.attempts | view.reattached]
    most = _MOST_COUNTED
    if view.cores and needs.cpus:
        most = min(most, (view.cores - sum(each.cpus or 1 for each in others)) // needs.cpus)
    if view.memory_bytes and needs.memory:
        most = min(most, (view.memory_bytes - sum(each.memory or 0 for each in others)) // needs.memory)
    return most


def _cores_left(needs: Resources, others: list[Resources], view: WorkerView) -> bool:
    cpus = [each.cpus for each in (needs, *others)]
    if not view.cores or not any(cpus):
        return True
    return sum(each or 1 for each in cpus) <= view.cores


def _memory_left(needs: Resources, others: list[Resources], view: WorkerView) -> bool:
    if not view.memory_bytes or not needs.memory:
        return True
    return sum(each.memory or 0 for each in (needs, *others)) <= view.memory_bytes


def why_homeless(needs: Resources, views: Iterable[WorkerView], at: float, patience_s: float) -> str:
    """Return why no worker will ever run a job with these needs; "" while one may."""
    views = list(views)
    if any(_may_come_to(needs, view, at, patience_s) for view in views):
        return ""
    labelled = [view for view in views if needs.labels <= view.labels]
    if not labelled:
        return f"no worker has {told_labels(needs)}" if needs.labels else ""
    whose = f" with {told_labels(needs)}" if needs.labels else ""
    if any(view.available for view in labelled):
        return f"needs {_told(needs)}, which no worker{whose} has"
    reasons = "; ".join(f"{view.name}: {view.reason or 'gone'}" for view in labelled[:_MOST_NAMED])
    return f"no worker{whose} is left ({reasons})" if needs.labels else ""


def _may_come_to(needs: Resources, view: WorkerView, at: float, patience_s: float) -> bool:
    if not view.usable or not needs.labels <= view.labels:
        return False
    return suits(needs, view) if view.up else not _is_given_up(view, at, patience_s)


def _is_given_up(view: WorkerView, at: float, patience_s: float) -> bool:
    """True for a worker that has been down for too long while its user meant to use it."""
    since = max(view.since, view.resumed_at)
    return view.tried and not view.up and not view.hold and at - since > patience_s


def told_labels(needs: Resources) -> str:
    """Name the labels that are needed."""
    names = ", ".join(sorted(needs.labels))
    return f"the label {names}" if len(needs.labels) == 1 else f"the labels {names}"


def told_gpus(needs: Resources) -> str:
    """Name the GPUs that are needed; "" for none."""
    if not needs.gpus:
        return ""
    return "a GPU" if needs.gpus == 1 else f"{needs.gpus} GPUs on one machine"


def _told(needs: Resources) -> str:
    parts = (
        f"{needs.cpus} cores" if needs.cpus else "",
        f"{needs.memory / 1e9:.1f} GB of memory" if needs.memory else "",
        told_gpus(needs),
        f"limits of {told(needs.limits)}" if needs.limits else "",
    )
    return ", ".join(filter(None, parts))
