"""How many jobs this machine can run at a time, and why."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.runs.worker_check import gpus_here
from master.view.wording import plural

GIB = 2**30
GIB_PER_JOB = 4
"""Taken for a job of which nothing is known."""
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver's tool tells of it."""

    index: str
    name: str
    memory_mib: int | None


@dataclass(frozen=True)
class Machine:
    """What there is to run jobs on."""

    cores: int
    free_memory_bytes: int
    gpus: tuple[Gpu, ...] = ()


@dataclass(frozen=True)
class Workers:
    """How many jobs run at a time."""

    count: int
    reason: str
    gpus: tuple[str, ...] = ()
    """Indices of the GPUs that they share; empty without GPUs."""


def look(cgroup: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> Machine:
    """Return what this machine has and this process may use."""
    return Machine(_cores(cgroup), _free_memory(cgroup, meminfo), find_gpus())


def _cores(cgroup: Path) -> int:
    cores = usable_cores()
    quota, _, period = _text(cgroup / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        return max(1, min(cores, int(quota) // int(period)))
    return cores


def _free_memory(cgroup: Path, meminfo: Path) -> int:
    rows = dict(line.split(":", 1) for line in _text(meminfo).splitlines() if ":" in line)
    told = rows.get("MemAvailable")
    free = int(told.split()[0]) * 1024 if told else _all_memory()
    limit, used = _text(cgroup / "memory.max"), _text(cgroup / "memory.current")
    if limit.isdigit() and used.isdigit():
        return max(0, min(free, int(limit) - int(used)))
    return free


def usable_cores() -> int:
    """Return how many cores this process may use; all there are, where the system does not tell."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _all_memory() -> int:
    """Return the machine's memory: systems without /proc do not tell simply what of it is free."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def find_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that an agent sees here and `CUDA_VISIBLE_DEVICES` allows; none where it fails."""
    return visible_gpus(gpus_here(), os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible_gpus(rows: Sequence[Mapping[str, Any]], visible: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs of an agent's report that `visible`, the value of `CUDA_VISIBLE_DEVICES`, allows.

    What names GPUs other than by index is for CUDA to read: all may be used then.
    """
    gpus = tuple(Gpu(str(row["index"]), row["name"], _mib(row["total"])) for row in rows)
    if visible is None or not all(part.strip().isdigit() for part in visible.split(",") if part):
        return gpus
    return tuple(gpu for gpu in gpus if gpu.index in {part.strip() for part in visible.split(",")})


def _mib(size: int | None) -> int | None:
    return None if size is None else size // 2**20


def choose(machine: Machine, jobs: int, *, parallel: bool, max_workers: int | None = None) -> Workers:
    """Return how many of `jobs` jobs run at a time: never more than there are, one without `parallel`."""
    indices = [gpu.index for gpu in machine.gpus]
    if not parallel:
        return Workers(1, "one at a time: --parallel was not given", tuple(indices[:1]))
    if max_workers is not None:
        count = max(1, min(max_workers, jobs))
        why = f"--max-workers {max_workers}"
        why += f", but only {plural(jobs, 'job')}" if jobs < max_workers else ""
        return Workers(count, why, _shared(indices, count))
    limits = _limits(machine, jobs)
    count = max(1, min(limits.values()))
    return Workers(count, ", ".join(limits), _shared(indices, count))


def _limits(machine: Machine, jobs: int) -> dict[str, int]:
    """Return what allows how many workers, in words."""
    gpus = len(machine.gpus)
    limits = {plural(jobs, "job"): jobs}
    if gpus:
        limits[f"{plural(gpus, 'GPU')} (a job each)"] = gpus
    else:
        limits[plural(machine.cores, "core")] = machine.cores
    free = machine.free_memory_bytes / GIB
    limits[f"{free:.1f} GiB of free memory ({GIB_PER_JOB} for a job)"] = int(free // GIB_PER_JOB)
    if not gpus:
        limits["no GPU"] = jobs
    return limits


def _shared(indices: list[str], count: int) -> tuple[str, ...]:
    """Return the GPUs that so many workers use."""
    return tuple(indices[:count])
