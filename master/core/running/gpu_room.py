"""How much of a worker's GPUs a task takes: pure choices over plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable

from master.core.running.records import RunState, TaskRecord, WorkerView

_MARGIN = 1.1
"""What is learned of a job is not all that the next one of its kind may need."""


def need_of(state: RunState, record: TaskRecord, view: WorkerView) -> int | None:
    """Return the bytes of GPU memory that a task gets on a worker; None for the usual slot.

    What the user says counts; else, where GPUs are shared by memory, what tasks of its kind had at most.
    """
    if not view.gpu_bytes or record.task.gpu_bytes is not None:
        return record.task.gpu_bytes
    peak = state.gpu_peaks.get(record.task.gpu_kind)
    if peak is None or view.slots_per_gpu is not None:
        return None
    return min(math.ceil(peak * _MARGIN), max(view.gpu_bytes)) or None


def cost(view: WorkerView, need: int | None, alone: bool) -> float | None:
    """Return how many slots' worth of a worker a task takes; None where none of its GPUs has the memory."""
    if not view.gpu_bytes:
        return 1.0
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
        silent = view.tried and not view.up and at - view.since > patience_s
        if view.usable and not view.up and not silent:
            return None
        if view.available:
            sizes += [(size, view.name) for size in view.gpu_bytes]
    return max(sizes) if sizes and all(size for size, _ in sizes) else None


def has_larger(state: RunState, view: WorkerView) -> bool:
    """Return whether another worker that takes jobs has a larger GPU."""
    return any(
        other.available and other.slots > other.held_by_others and max(other.gpu_bytes, default=0) > largest
        for largest in (max(view.gpu_bytes, default=0),)
        for other in state.workers.values()
    )


def too_large(need: int, largest: int, worker: str) -> str:
    """Return what to say of a job that needs more GPU memory than any GPU has to give."""
    has = f"{largest / 1e9:.1f} GB to give ({worker})"
    return f"needs {need / 1e9:.1f} GB of GPU memory, the largest GPU has {has}"
