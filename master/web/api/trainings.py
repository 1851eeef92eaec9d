"""Trainings as the journal knows them: which jobs they are, and what is told of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from master.core.harmless import brief
from master.core.running.summary import JobRow
from master.core.timestamps import iso

MARK = "_sae_api"
"""The field of a job that says that it was asked for here, and how; no trainer is passed it."""
STATES = {
    "pending": "starting",
    "ready": "starting",
    "assigned": "preparing",
    "staging": "preparing",
    "running": "training",
    "collecting": "training",
    "succeeded": "completed",
    "failed": "failed",
    "blocked": "failed",
    "cancelled": "cancelled",
    "pruned": "cancelled",
}
"""What the states of a job are called here."""
ENDED = frozenset({"completed", "failed", "cancelled"})
_LONGEST = 500
Answer = dict[str, Any]


@dataclass(frozen=True)
class Training:
    """A job that somebody asked for over the API."""

    job_id: str
    """What the run calls it: a folder, and the id by which clients know it."""
    layer: int
    config: Mapping[str, Any]
    """As the request has it, with what was left out."""
    fast: bool
    created_at: float

    @property
    def id(self) -> str:
        """Return how clients know it."""
        return self.job_id.rpartition("/")[2]

    @property
    def output_dir(self) -> str:
        """Return where it leaves what it makes, below the run directory."""
        return f"experiments/{self.job_id}"

    @property
    def stem(self) -> str:
        """Return what its files are called."""
        return f"sae_fast_layer_{self.layer}" if self.fast else f"sae_layer_{self.layer}"

    def mark(self) -> str:
        """Return what its job remembers of it: as text, since no field of a job is an object."""
        mark = {"config": dict(self.config), "fast": self.fast, "created_at": self.created_at}
        return json.dumps(mark)

    @classmethod
    def of(cls, job_id: str, fields: Mapping[str, Any]) -> Training | None:
        """Return the training that a job is; None for any other job."""
        mark = _read(fields.get(MARK))
        if not isinstance(mark, dict) or not isinstance(mark.get("config"), dict):
            return None
        layer, at, fast = mark["config"].get("layer_idx"), mark.get("created_at"), mark.get("fast")
        if isinstance(layer, int) and isinstance(at, (int, float)) and isinstance(fast, bool):
            return cls(job_id, layer, mark["config"], fast, float(at))
        return None


@dataclass(frozen=True)
class Told:
    """How far a training is, as it says itself: one figure an epoch, the last ten."""

    epoch: int = 0
    epochs: int = 0
    """0 is not known, of both."""
    metrics: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoints:
    """What an earlier try left to go on from, that came home."""

    latest: Mapping[str, Any] | None = None
    total: int = 0


def _read(mark: object) -> object:
    try:
        return json.loads(mark) if isinstance(mark, str) else None
    except (ValueError, RecursionError):
        return None


METRICS = ("train_loss", "reconstruction_loss", "sparsity_loss")


def status_of(row: JobRow | None) -> str:
    """Return how the state of a job is called here; that of one that the journal does not know yet, too."""
    return STATES[row.state.value] if row else "starting"


def job_object(training: Training, row: JobRow | None, told: Told, left: Checkpoints) -> Answer:
    """Return the job object; `row` is None for a training that has just been handed over."""
    status = status_of(row)
    known: Answer = {
        "job_id": training.id,
        "status": status,
        "layer_idx": training.layer,
        "output_dir": training.output_dir,
        "config": dict(training.config),
        **({"training_mode": "fast"} if training.fast else {}),
        "progress": {
            "current_epoch": told.epoch,
            "total_epochs": told.epochs or training.config.get("max_epochs"),
        },
        "metrics": {name: told.metrics.get(name, []) for name in METRICS},
        "created_at": iso(training.created_at),
    }
    return {**known, **(_ending(training, row, status) if row else {}), **_checkpoints(status, left)}


def _ending(training: Training, row: JobRow, status: str) -> Answer:
    at = iso(row.ended_at)
    if status == "completed":
        place = f"{training.output_dir}/{training.stem}"
        paths = {"model_path": f"{place}.safetensors", "metadata_path": f"{place}_metadata.json"}
        return {**paths, "completed_at": at}
    if status == "failed":
        return {"error": problem_of(row), "failed_at": at}
    return {"cancelled_at": at} if status == "cancelled" else {}


def problem_of(row: JobRow) -> str:
    """Return why a training did not succeed, in a line: with the last one that it wrote."""
    error = row.error or row.cancelled_by or "it did not succeed"
    lines = row.stderr_tail.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return brief(error if not last or last in error else f"{error}: {last}", _LONGEST)


def _checkpoints(status: str, left: Checkpoints) -> Answer:
    if status != "training":
        return {}
    return {"latest_checkpoint": left.latest, "total_checkpoints": left.total}
