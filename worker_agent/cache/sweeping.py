"""Looks for rot in what lies in the cache and is not used: in all of it, each artefact once a day."""

from __future__ import annotations

import contextlib
import os
import time
from typing import List

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.sidecars import mark_of

EVERY_S = 86_400.0
"""So long what any agent has hashed is trusted: a cache may hold terabytes, and runs begin often."""


def sweep(cache: Cache, name: str) -> List[str]:
    """Hash an artefact, unless somebody has lately; return what is wrong with it, which is set aside.

    Raises OSError where it cannot be set aside.
    """
    if cache.inspections.is_known(name) or _is_recent(cache, name):
        return []
    problems = cache.rotten([name], every_s=0.0)
    if not problems and cache.inspections.is_known(name):
        with contextlib.suppress(OSError):
            _mark(cache, name)
    return problems


def _is_recent(cache: Cache, name: str) -> bool:
    """Return whether an artefact was hashed in the last day; a clock that was wrong counts for nothing."""
    try:
        hashed_at = mark_of(cache.layout, name).stat().st_mtime
    except OSError:
        return False
    return 0.0 <= time.time() - hashed_at < EVERY_S


def _mark(cache: Cache, name: str) -> None:
    path = mark_of(cache.layout, name)
    os.close(os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    os.utime(str(path))
