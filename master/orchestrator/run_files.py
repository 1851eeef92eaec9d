"""Every path that `run_all_training` writes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from master.storage.run_layout import RunLayout

STAMP = "%Y%m%d_%H%M%S"
_UNTIL = ".until_"
_NESTED = ","
"""Stands for / where an output folder is one name."""


@dataclass(frozen=True)
class TrainingFiles(RunLayout):
    """The files of one start of the command; `root` is the directory for all results."""

    logs_dir: Path = Path("logs")
    summary_dir: Path = Path("summaries")
    stamp: str = ""
    """When the command was given."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Job id → folder of its results below `root`."""
    secrets: tuple[Path, ...] = ()
    """Files that no job is shown."""

    @property
    def finished(self) -> Path:
        """Results that are whole, on their way to their final places."""
        return self.state / "finished"

    def result(self, job_id: str) -> Path:
        return self.finished / self.stamp / self.outputs[job_id].replace("/", _NESTED)

    def published(self, job_id: str) -> Path:
        """Return where a job's results are for the user."""
        return self.root / self.outputs[job_id]

    def published_from(self, staged: Path) -> Path:
        """Return the final place of whole results of any start."""
        return self.root / staged.name.replace(_NESTED, "/")

    def superseded(self, published: Path, stamp: str = "") -> Path:
        """Return where the results of an earlier run go when there are new ones."""
        return published.with_name(f"{published.name}{_UNTIL}{stamp or self.stamp}")

    def log(self, job_id: str, attempt: int) -> Path:
        """Return where the log of an attempt lies."""
        return self.logs_dir / job_id / f"run_{self.stamp}{f'_try{attempt}' if attempt > 1 else ''}.log"

    def current_log(self, job_id: str) -> Path:
        """Return the link to the log of the job's last attempt, also while it runs on this machine."""
        return self.logs_dir / job_id / "current.log"

    @property
    def slots(self) -> Path:
        """Locks of the CPU slots."""
        return self.state / "slots"

    @property
    def orchestrator_log(self) -> Path:
        return self.logs_dir / "orchestrator.log"

    @property
    def summary(self) -> Path:
        return self.summary_dir / f"training_summary_{self.stamp}.json"

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """Return what is no part of any project: what the command writes, and the user's secrets."""
        results = [self.published(job_id) for job_id in self.outputs]
        earlier = [path for final in results for path in final.parent.glob(f"{escape(final.name)}{_UNTIL}*")]
        return self.root, self.logs_dir, self.summary_dir, *results, *earlier, *self.secrets


def new_stamp(summary_dir: Path, now: float) -> str:
    """Return the local time as a stamp that no summary bears yet."""
    stamp = first = time.strftime(STAMP, time.localtime(now))
    number = 1
    while TrainingFiles(Path(), summary_dir=summary_dir, stamp=stamp).summary.exists():
        number += 1
        stamp = f"{first}_{number}"
    return stamp
