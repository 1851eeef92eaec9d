"""Looks at the cache from outside of any run: lists it, hashes it, removes what nobody uses."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

from worker_agent.cache.artefacts import rot_of
from worker_agent.cache.contents import CacheContents
from worker_agent.cache.leases import alone
from worker_agent.cache.users import Users, seen_in_use, users
from worker_agent.core.eviction import Entry
from worker_agent.protocol.digests import MANIFEST
from worker_agent.protocol.layout import PUSHED, WorkLayout
from worker_agent.protocol.looks.cache import CachedItem, CacheNow
from worker_agent.system.remove_tree import remove_tree

CLEARED = "cleared"
"""In the place of a run: what was taken out lies below it until it is deleted."""
_PATIENCE_S = 5.0
_ABANDONED_S = 86_400.0
_LONGEST_MANIFEST = 64 << 20


def listed(layout: WorkLayout, contents: CacheContents) -> CacheNow:
    """Return what lies in the cache, and who uses it.  Raises OSError."""
    seen = seen_in_use(layout)
    with _alone(layout):
        used = users(layout, seen)
    return _now(layout, [_item(layout, entry, used) for entry in contents.entries()])


def verified(layout: WorkLayout, contents: CacheContents) -> CacheNow:
    """Hash all that lies in the cache, and change nothing there.  Raises OSError."""
    found = listed(layout, contents)
    items = [replace(item, problem=_damage(layout, item.content_hash)) for item in found.items]
    return _now(layout, items)


def cleared(layout: WorkLayout, contents: CacheContents, *, dry_run: bool) -> CacheNow:
    """Remove what nobody uses, or tell what that is.  Raises OSError."""
    gone: List[Path] = [] if dry_run else [*contents.left_over(), *_abandoned(layout)]
    items: List[CachedItem] = []
    # What takes long is done before anybody waits.
    entries, seen = contents.entries(), seen_in_use(layout)
    try:
        with _alone(layout):
            used = users(layout, seen)
            for entry in entries:
                if not layout.cached(entry.name).is_dir():
                    continue
                item = _item(layout, entry, used)
                items.append(replace(item, removed=not item.used_by))
                if not item.used_by and not dry_run:
                    gone.append(contents.evict(entry.name))
    finally:
        for path in gone:
            remove_tree(path)
        with contextlib.suppress(OSError):
            for folder in (layout.evicted(CLEARED), layout.run(CLEARED)):
                folder.rmdir()
    return _now(layout, items)


def _abandoned(layout: WorkLayout) -> Iterator[Path]:
    """Yield what somebody has begun to push and has not gone on with for a day.  Raises OSError."""
    folder = layout.incoming(PUSHED, "any").parent
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # it has arrived
            if time.time() - path.lstat().st_ctime >= _ABANDONED_S:
                yield path


@contextlib.contextmanager
def _alone(layout: WorkLayout) -> Iterator[None]:
    """Keep everybody from beginning to use anything, for a moment.  Raises OSError where that cannot be."""
    with alone(layout, _PATIENCE_S) as is_alone:
        if not is_alone:
            raise BlockingIOError(f"agents begin to use {layout.work_dir} all the time: try again")
        yield


def _item(layout: WorkLayout, entry: Entry, used: Users) -> CachedItem:
    who = sorted(used.get(entry.name, ()))
    return CachedItem(entry.name, entry.size, entry.used_at, base_model_of(layout, entry.name), who)


def _now(layout: WorkLayout, items: List[CachedItem]) -> CacheNow:
    return CacheNow(str(layout.work_dir), shutil.disk_usage(str(layout.work_dir)).free, items)


def base_model_of(layout: WorkLayout, name: str) -> str:
    """Return what a base model is called, by its manifest; empty for what is none."""
    try:
        path = layout.cached(name) / MANIFEST
        if path.stat().st_size > _LONGEST_MANIFEST:
            return ""
        manifest = json.loads(path.read_bytes())
        return str(manifest.get("name") or manifest["spec_hash"])
    except (OSError, ValueError, LookupError, AttributeError, RecursionError):
        return ""


def _damage(layout: WorkLayout, name: str) -> str:
    """Return what is wrong with an artefact; what was removed meanwhile is not damaged."""
    problem: Optional[str] = rot_of(layout.cached(name), name)
    return problem or "" if layout.cached(name).is_dir() else ""


Look = Callable[[WorkLayout, CacheContents], CacheNow]
LOOKS: Dict[str, Look] = {
    "ls": listed,
    "verify": verified,
    "clear": lambda layout, contents: cleared(layout, contents, dry_run=False),
    "clear-dry": lambda layout, contents: cleared(layout, contents, dry_run=True),
}
"""By what is asked for."""


def look(what: str, layout: WorkLayout) -> CacheNow:
    """Do what is asked for; a cache that nobody has ever used is empty.  Raises OSError."""
    if not layout.cache.is_dir():
        return CacheNow(str(layout.work_dir), 0, [])
    return LOOKS[what](layout, CacheContents(layout, CLEARED))
