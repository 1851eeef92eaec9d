"""Makes the directories of an attempt."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

from worker_agent.attempts.launch import Tree, links, plan_links
from worker_agent.attempts.recycled_directories import Shown, SpareAttempts, is_flat, shown_by
from worker_agent.core.execution import StartError
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import Launch, Mount


def expand(path: str) -> Path:
    """Return a path of the settings as an absolute one: `~` and variables are those of this worker."""
    return Path(os.path.expandvars(path)).expanduser()


class Workshop:
    """Makes attempt directories, of spares where it can, and remembers which parents it has made."""

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        self._layout = layout
        self._run_id = run_id
        self._made: Set[Path] = set()
        self._spares = SpareAttempts()
        self._lent: Dict[Path, Shown] = {}
        """What was made of links alone, and may become spares."""

    def prepare(self, attempt: AttemptLayout, launch: Launch) -> None:
        """Make the directories of an attempt and the links in its working directory.  Raises StartError."""
        mounts = [self._resolve(mount) for mount in launch.mounts]
        try:
            tree = plan_links(mounts, _listing)
            if launch.phase == 1 or not is_flat(tree):
                self._make(attempt, launch, tree)
                return
            shown = shown_by(tree)
            if not self._spares.give(attempt, shown):
                self._make(attempt, launch, tree)
            self._lent[attempt.root] = shown
        except OSError as error:
            raise StartError(f"cannot prepare {error.filename or attempt.root}: {error.strerror}") from error

    def take_back(self, attempt: AttemptLayout) -> bool:
        """Make a spare of a directory that is not needed any more; False where it must be deleted."""
        shown = self._lent.pop(attempt.root, None)
        return shown is not None and self._spares.keep(attempt, shown)

    def distrust(self, attempt: AttemptLayout) -> None:
        """Have a directory deleted in the end whatever it looks like: somebody may still write to it."""
        self._lent.pop(attempt.root, None)

    def spares(self) -> Iterator[Path]:
        """Yield where all spares are."""
        return self._spares.paths()

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

    def _make(self, attempt: AttemptLayout, launch: Launch, tree: Tree) -> None:
        if attempt.root.parent not in self._made:
            attempt.root.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(attempt.root.parent)
        try:
            attempt.root.mkdir()
        except FileExistsError:
            shutil.rmtree(str(attempt.root))
            attempt.root.mkdir()
        for folder in (attempt.work, attempt.output, attempt.log_folder):
            folder.mkdir()
        if launch.phase == 1:
            attempt.base_model.mkdir()
        self._spares.learn(attempt)
        for path, target in links(tree, attempt.work):
            if target is None:
                path.mkdir()
            else:
                path.symlink_to(target)


def _listing(directory: Path) -> List[str]:
    with os.scandir(str(directory)) as entries:
        return sorted(entry.name for entry in entries)
