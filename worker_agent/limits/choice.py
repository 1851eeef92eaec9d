"""Which way of keeping limits this machine offers: the kernel's where that can be had."""

from __future__ import annotations

from pathlib import Path

from worker_agent.limits import cgroups, scopes
from worker_agent.limits.base import Bounds
from worker_agent.limits.watched import NoBounds, WatchedBounds


def choose_bounds(proc: Path = Path("/proc/self")) -> Bounds:
    """Return who keeps limits here."""
    parent = cgroups.find_parent(proc=proc)
    if parent is not None:
        return cgroups.CgroupBounds(parent)
    if scopes.available():
        return scopes.ScopeBounds()
    return WatchedBounds() if (proc / "status").exists() else NoBounds()
