"""What trainings left in the run directory: their log, and what an earlier try left to go on from."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from master.core.timestamps import iso
from master.storage.checkpoint_store import kept_checkpoints
from master.storage.run_layout import RunLayout
from master.web.api.trainings import Checkpoints

LOG = "train_log.jsonl"
_MOST_BYTES = 32 << 20
_WEIGHTS = "step_*.pt"


def log_lines(result: Path) -> list[str]:
    """Return the records of a training's log.  Raises OSError, and ValueError for one that is no text."""
    descriptor = os.open(result / LOG, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise ValueError(f"{LOG} is no file of at most {_MOST_BYTES} bytes")
        return stream.read(_MOST_BYTES).decode("utf-8").splitlines()


def checkpoints(layout: RunLayout, job_id: str) -> Checkpoints:
    """Return the weights among what the last try of a job left, the newest first."""
    try:
        found = sorted(_weights(layout, job_id), key=lambda each: each[1].st_mtime, reverse=True)
    except OSError:
        return Checkpoints()
    if not found:
        return Checkpoints()
    path, status = found[0]
    latest: dict[str, Any] = {
        "filename": path.name,
        "path": str(path.relative_to(layout.root)),
        "size_bytes": status.st_size,
        "modified_at": iso(status.st_mtime),
    }
    return Checkpoints(latest, len(found))


def _weights(layout: RunLayout, job_id: str) -> Iterator[tuple[Path, os.stat_result]]:
    for checkpoint in kept_checkpoints(layout):
        if checkpoint.job_id == job_id:
            yield from ((path, path.lstat()) for path in checkpoint.path.rglob(_WEIGHTS))
