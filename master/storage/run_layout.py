"""Every path below a run directory.  No other module of the master spells one.

What a store keeps in its folder it names itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from worker_agent.protocol.layout import attempt_name

RECORD_NAMES = ("job.json", "twophase_job.json")
"""What a result's record of itself is called, unless its script took both names: see `record_names`."""


def record_names() -> Iterator[str]:
    """Yield what a record is called, each name for where the script took those before it."""
    yield from RECORD_NAMES
    yield from (f"{RECORD_NAMES[-1].removesuffix('.json')}_{number}.json" for number in count(2))


@dataclass(frozen=True)
class RunLayout:
    """The files of one run on the head node."""

    root: Path

    @property
    def experiments(self) -> Path:
        """What the user came for: results and base models."""
        return self.root / "experiments"

    def result(self, job_id: str) -> Path:
        """Return where what a job makes lies at the end; for base models that is the store."""
        return self.experiments / job_id

    @property
    def base_models(self) -> Path:
        """The store of base models."""
        return self.experiments / "base_models"

    def base_model(self, spec_hash: str) -> Path:
        """Return where a base model lies."""
        return self.base_models / spec_hash

    @property
    def phase1_log(self) -> Path:
        """What trained which base model; for the user."""
        return self.root / "phase1_base_models.json"

    @property
    def phase2_log(self) -> Path:
        """What ran each experiment; for the user."""
        return self.root / "phase2_experiments.json"

    @property
    def state(self) -> Path:
        """What Twophase needs to go on; nothing in it is for the user but logs."""
        return self.root / ".twophase"

    @property
    def journal(self) -> Path:
        """The database of transitions."""
        return self.state / "journal.sqlite"

    @property
    def lock(self) -> Path:
        """Held by the master that works in this run directory."""
        return self.state / "lock"

    def log(self, job_id: str, attempt: int) -> Path:
        """Return where the log of an attempt lies."""
        return self.state / "logs" / f"{job_id}.{attempt}.log"

    @property
    def code(self) -> Path:
        """Snapshots of the training code, by content hash."""
        return self.state / "code"

    def incoming(self, job_id: str, attempt: int) -> Path:
        """Return where the parts of an attempt's outcome arrive."""
        return self.state / "incoming" / attempt_name(job_id, attempt)

    def set_aside(self, name: str) -> Path:
        """Return where something goes that is not what its digest says."""
        return self.state / "set_aside" / name

    @property
    def checkpoints(self) -> Path:
        """What attempts in vain left to go on from."""
        return self.state / "checkpoints"

    def phase1_output(self, job_id: str, attempt: int) -> Path:
        """Return where files go that an attempt of Phase 1 wrote beside its base model."""
        return self.state / "phase1_output" / f"{job_id}.{attempt}"


def inputs_of(layout: RunLayout, content_hash: str) -> Path:
    """Return where files lie that jobs were added with."""
    return layout.state / "inputs" / content_hash


def sheet_of(log: Path) -> Path:
    """Return where the jobs of a phase lie as one table: beside its log."""
    return log.with_suffix(".csv")
