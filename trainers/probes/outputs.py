"""The files of one layer's results: their names, their contents, and when they may be written.

A probe is finished when its metrics file exists; that is written last.  `probes_settings.json` says what the
results came from, so that a directory continues with equal settings and is refused with any other.
"""

from __future__ import annotations

import io
import json
import math
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.probes.errors import InputError, OutputConflictError
from trainers.probes.modules import new_module
from trainers.probes.settings import Settings

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
            _publish(self.root / SETTINGS, _json(fingerprint))
        for path in finished:
            if not (self.root / path.name).exists():
                _publish(self.root / path.name, path.read_bytes())

    def prepare(self, fingerprint: dict[str, Any]) -> None:
        """Make the directory ready for results of `fingerprint`; deletes those of other settings."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.root}: cannot make the output directory: {error}") from error
        for directory in filter(None, (self.root, self.mirror)):
            stale = RESULTS if _conflict(directory, fingerprint) else ()
            for path in _matching(directory, (*stale, *UNFINISHED)):
                path.unlink()
        self.write(SETTINGS, _json(fingerprint))

    def finished(self, actions: Iterable[str]) -> list[str]:
        """Return those of `actions` whose results are complete."""
        return [name for name in actions if self.metrics(name).is_file() and self.probe(name).is_file()]

    def seconds(self) -> float:
        """Return the training time of the commands that ended here before."""
        path = self.root / AGGREGATE
        if not path.is_file():
            return 0.0
        return float(json.loads(path.read_text(encoding="utf-8"))["total_training_time_seconds"])

    def save(self, action: str, checkpoint: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Write one probe's weights and metrics."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        self.write(self.probe(action).name, buffer.getvalue())
        self.write(self.metrics(action).name, _json(metrics))

    def load_metrics(self, action: str) -> dict[str, Any]:
        """Read one finished probe's metrics."""
        values: dict[str, Any] = json.loads(self.metrics(action).read_text(encoding="utf-8"))
        return values

    def write_aggregate(self, aggregate: dict[str, Any]) -> None:
        """Write the summary over all probes."""
        self.write(AGGREGATE, _json(aggregate))

    def write(self, name: str, content: bytes) -> None:
        """Publish a file whole or not at all."""
        for directory in filter(None, (self.root, self.mirror)):
            _publish(directory / name, content)


def _matching(directory: Path, patterns: Iterable[str]) -> list[Path]:
    return [path for pattern in patterns for path in sorted(directory.glob(pattern))]


def _check_writable(directory: Path) -> None:
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        what = "is not a directory" if not there.is_dir() else "cannot be written to"
        raise InputError(f"{directory}: cannot make the output directory: {there} {what}")


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
    now = json.loads(_json(fingerprint))
    different = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
    shown = (f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}" for key in different)
    return f"holds results of other settings: {'; '.join(shown)}" if different else ""


def load_probe(path: Path) -> nn.Module:
    """Return the probe saved in a `probe_<action>.pth`, ready to map activations [B, D] to logits [B].

    Raises InputError where the file is none.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        values = {name: saved[name] for name in ("model_type", "hidden_dim", "dropout")}
        dtype = {torch.float64: "float64"}.get(next(iter(saved["state_dict"].values())).dtype, "float32")
        module = new_module(Settings(dtype=dtype, **values), saved["input_dim"])
        module.load_state_dict(saved["state_dict"])
    except Exception as error:
        raise InputError(f"{path}: is not a saved probe ({error})") from error
    return module.eval()


def checkpoint(
    settings: Settings, action: str, layer: str | None, state: dict[str, Tensor]
) -> dict[str, Any]:
    """Return what `probe_<action>.pth` holds: the state dict and what is needed to use it."""
    first = "linear.weight" if settings.model_type == "linear" else "input.weight"
    return {
        "action": action,
        "layer": layer,
        "model_type": settings.model_type,
        "input_dim": state[first].shape[1],
        "hidden_dim": settings.hidden_dim,
        "dropout": settings.dropout,
        "state_dict": state,
    }


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(_plain(values), indent=2, allow_nan=False) + "\n").encode("utf-8")


def _plain(value: Any) -> Any:
    """Replace what JSON cannot hold: tuples become lists, NaN and infinities null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _publish(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            try:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
                Path(stream.name).replace(path)
            except OSError:
                Path(stream.name).unlink()
                raise
    except OSError as error:
        raise InputError(f"{path}: cannot write: {error}") from error
