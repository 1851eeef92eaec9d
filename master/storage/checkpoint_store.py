"""What attempts in vain left to go on from, on the head node."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from master.storage.run_layout import RunLayout
from worker_agent.protocol.digests import publish
from worker_agent.protocol.layout import attempt_name, named_attempt
from worker_agent.protocol.messages import Launch

Launcher = Callable[[str, int, str], Launch]


@dataclass(frozen=True)
class Checkpoint:
    """A directory that the next attempt at a job gets."""

    job_id: str
    attempt: int
    """Which one left it."""
    content_hash: str
    path: Path


class CheckpointStore:
    """The newest checkpoint of each job.  May be used from any thread."""

    def __init__(self, layout: RunLayout) -> None:
        """Take in what an earlier master kept.  Raises OSError."""
        self._folder = layout.checkpoints
        self._lock = threading.Lock()
        self._newest: dict[str, Checkpoint] = {}
        for found in kept_checkpoints(layout):
            self._take(found)

    def newest(self, job_id: str) -> Checkpoint | None:
        """Return the newest checkpoint of a job."""
        return self._newest.get(job_id)

    def holding(self, content_hash: str) -> Checkpoint | None:
        """Return a checkpoint by what it holds."""
        with self._lock:
            return next((it for it in self._newest.values() if it.content_hash == content_hash), None)

    def add(self, job_id: str, attempt: int, content_hash: str, staged: Path) -> None:
        """Take in a verified directory, in place of what older attempts left.  Raises OSError."""
        path = self._folder / attempt_name(job_id, attempt) / content_hash
        if not path.exists():
            publish(staged, path)
        self._take(Checkpoint(job_id, attempt, content_hash, path))

    def drop(self, job_id: str) -> None:
        """Delete what a job has no more use for."""
        with self._lock:
            found = self._newest.pop(job_id, None)
        if found:
            _delete(found)

    def _take(self, found: Checkpoint) -> None:
        with self._lock:
            other = self._newest.get(found.job_id, found)
            newer, older = (found, other) if found.attempt >= other.attempt else (other, found)
            self._newest[found.job_id] = newer
        if older is not newer and older.path != newer.path:
            _delete(older)

    def launching(self, launch_of: Launcher) -> Launcher:
        """Return a function that tells what to run, and adds the checkpoint to begin with."""

        def launch(job_id: str, attempt: int, worker: str) -> Launch:
            message, found = launch_of(job_id, attempt, worker), self.newest(job_id)
            if found is None or found.attempt >= attempt:
                return message
            return replace(message, checkpoint=found.content_hash, checkpoint_attempt=found.attempt)

        return launch


def kept_checkpoints(layout: RunLayout) -> Iterator[Checkpoint]:
    """Yield the checkpoints that are here.  Raises OSError."""
    folder = layout.checkpoints
    for path in folder.glob("*/*") if folder.is_dir() else ():
        with suppress(ValueError):
            yield Checkpoint(*named_attempt(path.parent.name), path.name, path)


def _delete(checkpoint: Checkpoint) -> None:
    shutil.rmtree(checkpoint.path.parent, ignore_errors=True)
