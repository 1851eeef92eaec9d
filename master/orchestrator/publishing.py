"""Puts results in their final places as they come home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from master.core.commands import Transition
from master.core.lifecycle import Trigger
from master.core.records import RunState
from master.orchestrator.run_files import TrainingFiles
from master.view.wording import plural

_WAITING = "all slots are held by other runs on the machine: waiting for them"


def publish(staged: Path, final: Path, aside: Path) -> bool:
    """Give whole results their final name; what had it before goes to `aside`.  Return whether there was any.

    Between two renames nothing is lost: `staged` is found and published by the next start.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    before = final.exists() or final.is_symlink()
    if before:
        final.rename(aside)
    staged.rename(final)
    return before


def publish_leftovers(files: TrainingFiles) -> list[Path]:
    """Publish what a start that was killed had brought home; return where it is."""
    published = []
    for staged in sorted(files.finished.glob("*/*")):
        final = files.published_from(staged)
        publish(staged, final, files.superseded(final, f"{files.stamp}_{staged.parent.name}"))
        published.append(final)
    return published


class Publisher:
    """Follows the transitions of a run, as a view does."""

    def __init__(self, files: TrainingFiles, say: Callable[[str], None]) -> None:
        self._files, self._say = files, say
        self._waits = False

    def transition(self, transition: Transition, state: RunState) -> None:
        """Publish what has just come home."""
        if transition.trigger is not Trigger.COLLECT or not transition.content_hash:
            return
        staged, final = self._files.result(transition.task_id), self._files.published(transition.task_id)
        aside = self._files.superseded(final)
        if publish(staged, final, aside):
            self._say(f"{transition.task_id}: the results of an earlier run are now in {aside}")

    def refresh(self, state: RunState, at: float) -> None:
        """Say once that others hold all slots."""
        views = [view for view in state.workers.values() if view.available]
        waits = bool(views) and all(view.foreign >= view.slots > 0 and not view.attempts for view in views)
        if waits and not self._waits:
            self._say(f"{_WAITING} ({plural(sum(view.slots for view in views), 'slot')})")
        self._waits = waits

    def progress(self, worker: str, task_id: str, attempt: int, detail: Mapping[str, Any]) -> None:
        """Results do not come by progress."""

    def note(self, text: str) -> None:
        """Nor by notes."""

    def close(self) -> None:
        """Nothing is kept open."""
