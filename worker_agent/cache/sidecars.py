"""What the files of an artefact looked like when they were hashed.

As long as they look the same, so is the content.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Iterator, List, Tuple

from worker_agent.protocol.layout import WorkLayout

PYCACHE = "__pycache__"
"""Python writes there next to the code it imports; its files are not part of an artefact."""

Stat = List[Tuple[str, int, int, int]]
"""Path, size, mtime and inode of every file."""


def sidecar_of(layout: WorkLayout, name: str) -> Path:
    """Return the file beside an artefact that tells what it looked like."""
    return layout.cached(name).with_name(f"{name}.stat.json")


def mark_of(layout: WorkLayout, name: str) -> Path:
    """Return the file beside an artefact whose time tells when it was last hashed though nobody used it."""
    return layout.cached(name).with_name(f"{name}.hashed")


def is_changed_in_common(layout: WorkLayout, name: str) -> bool:
    """Return whether a file that looks otherwise than when it was hashed has further names.

    Then it lies in the cache of another machine of the disk too, whose job may have written to it.
    """
    with contextlib.suppress(OSError, ValueError, TypeError):
        noted = {tuple(row) for row in json.loads(sidecar_of(layout, name).read_bytes())}
        top = layout.cached(name)
        changed = [path for path, *rest in look(str(top)) if (path, *rest) not in noted]
        return any((top / path).stat().st_nlink > 1 for path in changed)
    return False


def look(directory: str) -> Stat:
    """Return what the files of a directory look like now."""
    return sorted(_rows(directory, ""))


def _rows(folder: str, prefix: str) -> Iterator[Tuple[str, int, int, int]]:
    """Yield what the files below a folder look like; links to directories are not followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if _is_folder(entry):
            if entry.name != PYCACHE and not entry.is_symlink():
                yield from _rows(entry.path, f"{prefix}{entry.name}/")
        elif _is_file(entry):
            status = entry.stat()
            yield f"{prefix}{entry.name}", status.st_size, status.st_mtime_ns, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a link that leads to itself, or to where we may not look
