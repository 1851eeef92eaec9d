"""Who uses what of the cache: all that anybody who clears it must leave alone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Dict, Iterable, Iterator, Set, Tuple

from worker_agent.cache.leases import lives, not_home_yet
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.script_contract import BASE_MODEL_DIR, PARENT_MODEL_DIR, RESUME_MODEL_DIR
from worker_agent.system import processes

NOT_HOME = "made here and not brought home yet"
Users = Dict[str, Set[str]]
"""Who uses an artefact, by its content hash."""


def seen_in_use(layout: WorkLayout) -> Users:
    """Return what attempts and processes use, which takes long to see and needs nobody to wait.

    What begins later is leased by an agent that lives, or has left the attempt.  Raises OSError.
    """
    return _by_name({}, (*_attempts(layout), *_processes(layout)))


def users(layout: WorkLayout, seen: Users) -> Users:
    """Return who uses what, with what was `seen_in_use` before.

    To be called while `alone` with the cache.  Raises OSError.
    """
    found = _by_name({name: set(who) for name, who in seen.items()}, _runs(layout))
    for name in not_home_yet(layout):
        found.setdefault(name, set()).add(NOT_HOME)
    return found


def _by_name(found: Users, uses: Iterable[Tuple[str, str]]) -> Users:
    for name, who in uses:
        found.setdefault(name, set()).add(who)
    return found


def _runs(layout: WorkLayout) -> Iterator[Tuple[str, str]]:
    """Yield what runs have used whose agent lives, or left attempts that may still run."""
    paths = list(layout.leases.iterdir()) if layout.leases.is_dir() else []
    left = {Path(attempt.root).parent.parent.name for attempt in layout.unreleased()}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if lives(path) or path.name in left:
                yield from ((name, f"run {path.name}") for name in path.read_text().split())


def _attempts(layout: WorkLayout) -> Iterator[Tuple[str, str]]:
    """Yield what the working directories of attempts lead to."""
    for attempt in layout.unreleased():
        who = f"attempt {Path(attempt.root).name}"
        for folder, folders, files in os.walk(attempt.work):
            for entry in (*folders, *files):
                with contextlib.suppress(OSError):
                    name = _name_of(layout, os.readlink(os.path.join(folder, entry)))  # noqa: PTH115, PTH118
                    if name:
                        yield name, who


def _processes(layout: WorkLayout) -> Iterator[Tuple[str, str]]:
    """Yield the base models that processes were started with, whatever has become of their agents."""
    for process in processes.processes():
        for entry in processes.environment_of(process.pid):
            variable, _, path = entry.partition(b"=")
            name = _name_of(layout, os.fsdecode(path)) if variable in _BASE_MODELS else ""
            if name:
                yield name, f"process {process.pid}"


_BASE_MODELS = tuple(name.encode() for name in (BASE_MODEL_DIR, PARENT_MODEL_DIR, RESUME_MODEL_DIR))


def _name_of(layout: WorkLayout, path: str) -> str:
    """Return the artefact in which a path lies; empty for another path."""
    folder = f"{layout.cache}/"
    return path[len(folder) :].partition("/")[0] if path.startswith(folder) else ""
