"""Which way of keeping limits this machine offers: the kernel's where that can be had."""

from __future__ import annotations

import json
from pathlib import Path

from worker_agent.limits import cgroups, scopes
from worker_agent.limits.base import Bounds
from worker_agent.limits.watched import NoBounds, WatchedBounds

_SELF = Path("/proc/self")


def choose_bounds(proc: Path = _SELF, changes_nothing: bool = False) -> Bounds:
    """Return who keeps limits here; what `changes_nothing` says who would."""
    parent = cgroups.find_parent(proc=proc, changes_nothing=changes_nothing)
    if parent is not None:
        return cgroups.CgroupBounds(parent)
    if scopes.available():
        return scopes.ScopeBounds()
    return WatchedBounds() if (proc / "status").exists() else NoBounds()


def tell() -> int:
    """Print how limits would be kept here, as JSON."""
    print("\n" + json.dumps({"limits": choose_bounds(changes_nothing=True).how}))
    return 0
