"""Makes the directories of an attempt."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from worker_agent.attempts.mounts import plan_view
from worker_agent.attempts.private_copy import PrivateCopy, copy_of_earlier, make_copy
from worker_agent.attempts.recycled_directories import Made, RecycledAttempts
from worker_agent.core.execution import StartError
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import Launch, Mount
from worker_agent.system.faults import is_bad_place
from worker_agent.system.this_machine import expand


class WorkingDirectories:
    """Makes attempt directories, of recycled ones where it can, and remembers what it has made."""

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        self._layout = layout
        self._run_id = run_id
        self._recycled = RecycledAttempts()
        self._made: Dict[str, Made] = {}
        self._distrusted: Set[str] = set()
        self._artefacts: Dict[str, Path] = {}

    def prepare(self, attempt: AttemptLayout, launch: Launch) -> None:
        """Make the directories of an attempt and what its working directory shows.  Raises StartError."""
        mounts = [self._resolve(mount) for mount in launch.mounts]
        try:
            shown = tuple(_words(mounts))
            copy, before = self._recycled.give(attempt, shown) or (self._make(attempt, mounts), None)
            if launch.phase == 1:
                os.mkdir(attempt.base_model)
        except OSError as error:
            problem = f"cannot prepare {error.filename or attempt.root}: {error.strerror}"
            raise StartError(problem, worker_fault=is_bad_place(error)) from error
        self._made[attempt.root] = Made(shown, copy, time.time_ns(), before=before)

    def made(self, attempt: AttemptLayout) -> Optional[Made]:
        """Return how the directory of an attempt was made; None where an earlier agent made it."""
        return self._made.get(attempt.root)

    def remade(self, attempt: AttemptLayout, launch: Launch) -> Made:
        """Return how the directory of an attempt must have been made by an earlier agent.  Raises OSError.

        It is looked at when its job has ended, and compared with what it was made of.
        """
        view = plan_view([self._resolve(mount) for mount in launch.mounts], _listing)
        return Made((), copy_of_earlier(attempt.work, view.copies, view.links), time.time_ns())

    def recycle(self, attempt: AttemptLayout) -> List[str]:
        """Keep a directory that is not needed any more for other attempts, if that can be.

        Returns what is to be deleted: all of it, or what the job left, where that is much.
        """
        made = self._made.pop(attempt.root, None)
        trusted = attempt.root not in self._distrusted
        self._distrusted.discard(attempt.root)
        waste = self._recycled.keep(attempt, made) if made and trusted else None
        return [attempt.root] if waste is None else waste

    def distrust(self, attempt: AttemptLayout) -> None:
        """Have a directory deleted in the end whatever it looks like: somebody may still write to it."""
        self._distrusted.add(attempt.root)

    def recycled(self) -> Iterator[str]:
        """Yield where all directories are that wait for another attempt."""
        return self._recycled.paths()

    def _resolve(self, mount: Mount) -> Tuple[Mount, Path]:
        if mount.artefact is not None:
            if mount.artefact not in self._artefacts:
                self._artefacts[mount.artefact] = self._layout.cached(mount.artefact)
            return mount, self._artefacts[mount.artefact]
        target = expand(mount.path or "")
        if not target.is_absolute():
            raise StartError(f"mount at {mount.at!r}: {mount.path!r} is not an absolute path")
        if not target.exists():
            problem = f"mount at {mount.at!r}: {target} does not exist on this worker"
            raise StartError(problem, worker_fault=True)
        return mount, target

    def _make(self, attempt: AttemptLayout, mounts: Sequence[Tuple[Mount, Path]]) -> PrivateCopy:
        try:
            os.mkdir(attempt.root)
        except FileNotFoundError:  # the first one here, or somebody has wiped the place
            os.makedirs(attempt.root)
        except FileExistsError:
            shutil.rmtree(attempt.root)
            os.mkdir(attempt.root)
        for folder in (attempt.work, attempt.output, attempt.log_folder):
            os.mkdir(folder)
        self._recycled.learn(attempt)
        view = plan_view(mounts, _listing)
        return make_copy(attempt.work, view.copies, view.links)


def _words(mounts: Sequence[Tuple[Mount, Path]]) -> Iterator[str]:
    """Yield what tells one kind of attempt directory from another."""
    for mount, target in mounts:
        yield from (mount.at, str(target))
        if mount.artefact is None and not mount.at:
            yield from _listing(target)  # which the user may change at any time


def _listing(directory: Path) -> List[str]:
    with os.scandir(str(directory)) as entries:
        return sorted(entry.name for entry in entries)
