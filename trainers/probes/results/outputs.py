"""The files of one layer's results: their names, their contents, and when they may be written.

A probe is finished when its metrics file exists; that is written last.  `probes_settings.json` says what the
results came from, so that a directory continues with equal settings and is refused with any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.common.errors import BadInput
from trainers.common.files import json_bytes, tensor_bytes, write_bytes
from trainers.common.json_files import read_json_file
from trainers.common.resume import differences
from trainers.probes.errors import OutputConflictError

FIGURES = ("auc_roc", "f1", "accuracy", "precision", "recall")
"""What is told of every probe."""
AGGREGATE = "aggregate_metrics.json"
SETTINGS = "probes_settings.json"
RESULTS = ("probe_*.pth", "metrics_*.json", AGGREGATE)
UNFINISHED = tuple(f".{name}.*" for name in (*RESULTS, SETTINGS))
"""What a command that was killed while it wrote leaves behind."""


@dataclass(frozen=True)
class ResultDirectory:
    """Where one layer's results go."""

    root: Path
    mirror: Path | None = None
    """A second directory that gets every file too and gives back what it has, for a job's next attempt."""

    def probe(self, action: str) -> Path:
        """The weights of one probe."""
        return self.root / f"probe_{action}.pth"

    def metrics(self, action: str) -> Path:
        """The metrics of one probe."""
        return self.root / f"metrics_{action}.json"

    def check(self, fingerprint: dict[str, Any], overwrite: bool) -> bool:
        """Tell whether all results in the directory are of `fingerprint`; changes nothing.

        Raises OutputConflictError if they are not and `overwrite` is false.
        """
        _check_writable(self.root)
        conflict = _conflict(self.root, fingerprint)
        if conflict and not overwrite:
            remedy = "choose another --output-dir, or --overwrite to delete them"
            raise OutputConflictError(f"{self.root}: {conflict}; {remedy}")
        return not conflict

    def restore(self, fingerprint: dict[str, Any]) -> None:
        """Take over what the last attempt at the job finished."""
        if self.mirror is None or _conflict(self.mirror, fingerprint):
            return
        finished = _matching(self.mirror, RESULTS)
        if finished:
            write_bytes(self.root / SETTINGS, json_bytes(fingerprint))
        for path in finished:
            if not (self.root / path.name).exists():
                write_bytes(self.root / path.name, path.read_bytes())

    def prepare(self, fingerprint: dict[str, Any]) -> None:
        """Make the directory ready for results of `fingerprint`; deletes those of other settings."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{self.root}: cannot make the output directory: {error}") from error
        for directory in filter(None, (self.root, self.mirror)):
            stale = RESULTS if _conflict(directory, fingerprint) else ()
            for path in _matching(directory, (*stale, *UNFINISHED)):
                path.unlink()
        self.write(SETTINGS, json_bytes(fingerprint))

    def finished(self, actions: Iterable[str]) -> list[str]:
        """Return those of `actions` whose results are complete; damaged figures are none."""
        return [name for name in actions if self.probe(name).is_file() and self._has_metrics(name)]

    def _has_metrics(self, action: str) -> bool:
        try:
            found = self.load_metrics(action)
        except BadInput:
            return False
        return are_figures([found.get(key) for key in (*FIGURES, "baseline")])

    def seconds(self) -> float:
        """Return the training time of the commands that ended here before."""
        path = self.root / AGGREGATE
        if not path.is_file():
            return 0.0
        seconds = read_json_file(path).get("total_training_time_seconds")
        if not is_number(seconds):
            raise BadInput(f"{path}: tells no training time; delete it, or use --overwrite")
        return float(seconds or 0.0)

    def save(self, action: str, checkpoint: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Write one probe's weights and metrics."""
        self.write(self.probe(action).name, tensor_bytes(checkpoint))
        self.write(self.metrics(action).name, json_bytes(metrics))

    def load_metrics(self, action: str) -> dict[str, Any]:
        """Read one finished probe's metrics.  Raises BadInput where there are none."""
        return read_json_file(self.metrics(action))

    def write_aggregate(self, aggregate: dict[str, Any]) -> None:
        """Write the summary over all probes."""
        self.write(AGGREGATE, json_bytes(aggregate))

    def write(self, name: str, content: bytes) -> None:
        """Publish a file whole or not at all."""
        for directory in filter(None, (self.root, self.mirror)):
            write_bytes(directory / name, content)


def are_figures(value: object) -> bool:
    """Tell whether all that is in a value of JSON are numbers, or null for what is none."""
    if isinstance(value, (dict, list)):
        return all(map(are_figures, value.values() if isinstance(value, dict) else value))
    return value is None or is_number(value)


def is_number(value: object) -> bool:
    """Tell whether a value of JSON is a number."""
    return isinstance(value, (int, float)) and type(value) is not bool


def _matching(directory: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(directory.glob(pattern))]


def _check_writable(directory: Path) -> None:
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "is not a directory" if not there.is_dir() else "cannot be written to"
        raise BadInput(f"{directory}: cannot make the output directory: {there} {what}")


def _conflict(directory: Path, fingerprint: dict[str, Any]) -> str:
    """Say how the results of a directory differ from those of `fingerprint`; empty if there is nothing."""
    if not _matching(directory, RESULTS):
        return ""
    path = directory / SETTINGS
    if not path.is_file():
        return f"holds results of unknown settings (no {SETTINGS})"
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        before = {**before}
    except (ValueError, TypeError) as error:
        return f"holds results of unknown settings ({SETTINGS} is not a JSON object: {error})"
    different = differences(before, fingerprint)
    return f"holds results of other settings: {different}" if different else ""
