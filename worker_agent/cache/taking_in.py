"""Takes into the cache, outside of any run, what somebody sends for later jobs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import List

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.borrowing import borrow
from worker_agent.cache.clearing import base_model_of
from worker_agent.cache.contents import CacheContents
from worker_agent.cache.disk import disk_id
from worker_agent.protocol.layout import PUSHED, WorkLayout
from worker_agent.protocol.looks.cache import CachedItem, CacheNow
from worker_agent.protocol.private_directory import make_private


def placed(layout: WorkLayout, name: str, base: Path) -> CacheNow:
    """Make the place where an artefact is to be put; name it where the cache has it or its disk does.

    `base` is what the machines of the disk have in common.  Raises OSError.
    """
    make_private(layout.work_dir)
    layout.incoming(PUSHED, name).parent.mkdir(parents=True, exist_ok=True)
    cache = Cache(layout, PUSHED)
    _, problem = borrow(cache, base, name)
    if problem is None:
        cache.contents.touch([name])
    return replace(_now(layout, _items(layout, name) if problem is None else []), disk=disk_id(base))


def taken_in(layout: WorkLayout, name: str, base: Path) -> CacheNow:
    """Check what was put there, and let it be an artefact of the cache; tell what is wrong with it.

    Raises OSError.
    """
    problem = Cache(layout, PUSHED).verify_delivered(name)
    if problem is None:
        return _now(layout, _items(layout, name))
    return _now(layout, [CachedItem(name, 0, time.time(), problem=problem)])


def _items(layout: WorkLayout, name: str) -> List[CachedItem]:
    found = [entry for entry in CacheContents(layout, PUSHED).entries() if entry.name == name]
    return [CachedItem(name, each.size, each.used_at, base_model_of(layout, name)) for each in found]


def _now(layout: WorkLayout, items: List[CachedItem]) -> CacheNow:
    return CacheNow(str(layout.work_dir), 0, items)
