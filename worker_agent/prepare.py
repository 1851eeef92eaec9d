"""Makes the directories of an attempt."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, List, Mapping, Set, Tuple

from worker_agent.executors.base import StartError
from worker_agent.launch import links, plan_links
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import Launch, Mount


def expand(path: str) -> Path:
    """Return a path of the settings as an absolute one: `~` and variables are those of this worker."""
    return Path(os.path.expandvars(path)).expanduser()


class Workshop:
    """Makes attempt directories, and remembers which parents it has made."""

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        self._layout = layout
        self._run_id = run_id
        self._made: Set[Path] = set()

    def prepare(self, attempt: AttemptLayout, launch: Launch) -> None:
        """Make the directories of an attempt and the links in its working directory.  Raises StartError."""
        mounts = [self._resolve(mount) for mount in launch.mounts]
        try:
            self._make(attempt, launch)
            _show(mounts, attempt.work)
        except OSError as error:
            raise StartError(f"cannot prepare {error.filename or attempt.root}: {error.strerror}") from error

    def _resolve(self, body: Mapping[str, Any]) -> Tuple[Mount, Path]:
        mount = Mount(**body)
        if mount.artefact is not None:
            return mount, self._layout.cached(mount.artefact)
        target = expand(mount.path or "")
        if not target.is_absolute():
            raise StartError(f"mount at {mount.at!r}: {mount.path!r} is not an absolute path")
        if not target.exists():
            raise StartError(f"mount at {mount.at!r}: {target} does not exist on this worker")
        return mount, target

    def _make(self, attempt: AttemptLayout, launch: Launch) -> None:
        if attempt.root.parent not in self._made:
            attempt.root.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(attempt.root.parent)
        try:
            attempt.root.mkdir()
        except FileExistsError:
            shutil.rmtree(str(attempt.root))
            attempt.root.mkdir()
        for folder in (attempt.work, attempt.output, attempt.log.parent):
            folder.mkdir()
        if launch.phase == 1:
            attempt.base_model.mkdir()


def _show(mounts: List[Tuple[Mount, Path]], work: Path) -> None:
    for path, target in links(plan_links(mounts, _listing), work):
        if target is None:
            path.mkdir()
        else:
            path.symlink_to(target)


def _listing(directory: Path) -> List[str]:
    return sorted(entry.name for entry in directory.iterdir())
