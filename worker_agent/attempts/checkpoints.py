"""What attempts write to go on from: one directory an attempt, handed on from one to the next.

An attempt begins with what the last attempt at its job on this worker left, or with what the master brought
from another worker where that is newer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import Callable, Iterator, List, Optional

from worker_agent.attempts.gathering import follow_links
from worker_agent.attempts.recycled_directories import RecycledFolders
from worker_agent.cache.artefacts import Cache
from worker_agent.core.execution import Key
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import WorkLayout, attempt_name, named_attempt
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.outcome import CheckpointLeft


class Checkpoints:
    """The checkpoint directories of one run on this worker."""

    def __init__(self, layout: WorkLayout, run_id: str, cache: Cache) -> None:
        self._folder = str(layout.all_checkpoints(run_id))
        self._cache = cache
        self._recycled = RecycledFolders()

    def path(self, key: Key) -> str:
        """Return where an attempt writes."""
        return f"{self._folder}/{attempt_name(*key)}"

    def newest(self, key: Key, in_use: Callable[[Key], bool]) -> int:
        """Return the last attempt before this one that left something here and has ended; 0 for none."""
        job_id, attempt = key
        for earlier in range(attempt - 1, 0, -1):
            if not in_use((job_id, earlier)) and _has_files(self.path((job_id, earlier))):
                return earlier
        return 0

    def without_older(self, launch: Launch, in_use: Callable[[Key], bool]) -> Launch:
        """Return the launch, without a checkpoint to bring here if what is here is no older."""
        own = self.newest((launch.job_id, launch.attempt), in_use)
        if launch.checkpoint is None or own < (launch.checkpoint_attempt or 0):
            return launch
        return dataclasses.replace(launch, checkpoint=None, checkpoint_attempt=None)

    def open(self, launch: Launch, in_use: Callable[[Key], bool]) -> None:
        """Make the directory of an attempt, with what it is to go on from.  Raises OSError."""
        key = (launch.job_id, launch.attempt)
        final = self.path(key)
        if os.path.exists(final):
            return
        own = self.newest(key, in_use)
        if launch.checkpoint is not None:
            os.makedirs(self._folder, exist_ok=True)
            self._cache.take(launch.checkpoint, Path(final))
        elif own:
            os.rename(self.path((launch.job_id, own)), final)
        else:
            self._recycled.open(final)

    def recycle(self, key: Key) -> bool:
        """Keep what a job has not used for another attempt; False where it must be deleted."""
        return self._recycled.keep(self.path(key))

    def recycled(self) -> List[str]:
        """Return where the directories are that wait for attempts."""
        return self._recycled.paths()

    def stale(self, key: Key, in_use: Callable[[Key], bool]) -> Iterator[str]:
        """Yield the directories that an attempt which has its own makes superfluous."""
        job_id, attempt = key
        for earlier in range(1, attempt):
            path = self.path((job_id, earlier))
            if not in_use((job_id, earlier)) and os.path.exists(path) and path not in self._recycled:
                yield path

    def left_by(self, job_id: str, in_use: Callable[[Key], bool]) -> Iterator[str]:
        """Yield the directories of all attempts at a job, but those that run."""
        for name in os.listdir(self._folder) if os.path.isdir(self._folder) else ():
            with contextlib.suppress(ValueError):
                key, path = named_attempt(name), f"{self._folder}/{name}"
                if key[0] == job_id and not in_use(key) and path not in self._recycled:
                    yield path

    def is_empty(self, key: Key) -> bool:
        """Return whether an attempt left nothing."""
        return not _has_files(self.path(key))

    def left(self, key: Key, limit: int) -> Optional[CheckpointLeft]:
        """Return what an attempt left, or why that is not to be had; None for nothing."""
        folder = self.path(key)
        try:
            size = sum(os.stat(path).st_size for path in _files(folder))
            if size == 0:
                return None
            if size > limit:
                problem = f"{size:,} bytes, more than checkpoint_limit, {limit:,} bytes"
                return CheckpointLeft(problem=f"its checkpoint stays on the worker: {problem}")
            follow_links(folder)
            files = digest_directory(folder)
        except OSError as error:
            where = error.filename or folder
            problem = f"its checkpoint cannot be read: {where}: {error.strerror or error}"
            return CheckpointLeft(problem=problem)
        return CheckpointLeft(content_hash(files), files)


def _files(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = f"{parent}/{name}"
            if os.path.isfile(path):
                yield path


def _has_files(folder: str) -> bool:
    with contextlib.suppress(OSError):
        return any(True for _ in _files(folder))
    return False
