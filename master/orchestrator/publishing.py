"""Puts results in their final places as they come home."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from master.core.running.commands import Transition
from master.core.running.lifecycle import Trigger
from master.core.running.records import RunState
from master.orchestrator.run_files import TrainingFiles
from master.runs.notices import Notices, Refreshed, Transitions
from master.view.wording import plural
from worker_agent.protocol.renaming import rename

_WAITING = "all slots are held by other runs on the machine: waiting for them"


def publish(staged: Path, final: Path, aside: Path) -> bool:
    """Give whole results their final name; what had it before goes to `aside`.  Return whether there was any.

    Between two renames nothing is lost: `staged` is found and published by the next start.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    before = final.exists() or final.is_symlink()
    if before:
        final.rename(aside)
    rename(staged, final)
    return before


def publish_leftovers(files: TrainingFiles) -> list[Path]:
    """Publish what a start that was killed had brought home; return where it is."""
    published = []
    for staged in sorted(files.finished.glob("*/*")):
        final = files.published_from(staged)
        publish(staged, final, files.superseded(final, f"{files.stamp}_{staged.parent.name}"))
        published.append(final)
    return published


def point(link: Path, target: Path) -> None:
    """Make or change a symbolic link, which exists all the time once it does."""
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


class Publisher:
    """Observes a run: links logs, gives results their final places."""

    def __init__(
        self,
        files: TrainingFiles,
        say: Callable[[str], None],
        live_log: Callable[[str, str, int], Path | None],
        tries: int = 1,
    ) -> None:
        """`live_log` tells where on this machine `(worker, job, attempt)` writes its log, if it does.

        `tries` is how many a job has.
        """
        self._files, self._say, self._live_log, self._tries = files, say, live_log, tries
        self._begun: Counter[str] = Counter()
        self._waits = False
        self._last: dict[str, int] = {}

    def subscribe(self, notices: Notices) -> None:
        """Listen to what begins and what comes home."""
        notices.listen(Transitions, self._follow)
        notices.listen(Refreshed, lambda now: self.refresh(now.state))

    def _follow(self, told: Transitions) -> None:
        for transition in told.items:
            try:
                self.transition(transition)
            except OSError as error:  # one job's links must not keep the results of another from their place
                self._say(f"{transition.job_id}: {error.filename}: {error.strerror}")

    def transition(self, transition: Transition) -> None:
        """Link the log of what begins, publish what has just come home."""
        job_id, attempt = transition.job_id, transition.attempt
        if transition.trigger is Trigger.START:
            self._last[job_id] = attempt
            self._tell_start(job_id)
            live = self._live_log(transition.worker or "", job_id, attempt)
            if live:
                point(self._files.current_log(job_id), live)
        elif transition.trigger is Trigger.COLLECT:
            self._point_home(job_id)
            if transition.content_hash:
                self._publish(transition)

    def _tell_start(self, job_id: str) -> None:
        self._begun[job_id] += 1
        begun = self._begun[job_id]
        # An attempt that was lost with its worker is not counted against the job.
        self._say(f"[{job_id}] Starting attempt {begun}/{max(begun, self._tries)}")

    def _point_home(self, job_id: str) -> None:
        link, log = self._files.current_log(job_id), self._files.log(job_id, self._last.get(job_id, 1))
        if log.exists():
            point(link, Path(log.name))
        else:
            link.unlink(missing_ok=True)

    def _publish(self, transition: Transition) -> None:
        staged, final = self._files.result(transition.job_id), self._files.published(transition.job_id)
        aside = self._files.superseded(final)
        try:
            if publish(staged, final, aside):
                self._say(f"{transition.job_id}: the results of an earlier run are now in {aside}")
        except OSError as error:
            # The other jobs matter more; the next start tries again.
            self._say(f"{transition.job_id}: the results stay in {staged}: {final}: {error.strerror}")

    def refresh(self, state: RunState) -> None:
        """Say once that others hold all slots."""
        views = [view for view in state.workers.values() if view.available]
        waits = bool(views) and all(
            view.held_by_others >= view.slots > 0 and not view.attempts for view in views
        )
        if waits and not self._waits:
            self._say(f"{_WAITING} ({plural(sum(view.slots for view in views), 'slot')})")
        self._waits = waits

    def close(self) -> None:
        """Let all links point to logs that are home.  To be called when nothing comes home any more."""
        for job_id in self._last:
            self._point_home(job_id)
