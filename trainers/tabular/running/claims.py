"""Whose a folder of results is: of which settings and which rows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.resume import as_json, differences
from trainers.common.saved_files import read_json_file
from trainers.tabular.results.report import REPORTS
from trainers.tabular.settings import MODELS

SETTINGS_FILE = "settings.json"
DONE = "training.json"
"""Is written last in a model's folder."""
METRICS = "metrics.json"


def claim(folder: Path, fingerprint: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Make a folder this training's; BadInput where it holds results of other settings or rows."""
    path = folder / SETTINGS_FILE
    if path.exists():
        changed = differences(read_json_file(path).get("_fingerprint", {}), as_json(fingerprint))
        if changed:
            raise BadInput(f"{folder} holds a training of other settings ({changed}); use --overwrite")
    write_json(path, {**config, "_fingerprint": fingerprint})


def discard(folder: Path, checkpoints: Path) -> None:
    """Delete what a training left that is to be written over: its models, checkpoints, figures and claim."""
    for name in MODELS:
        shutil.rmtree(folder / name, ignore_errors=True)
        checkpoint_of(checkpoints, name).unlink(missing_ok=True)
    for name in (METRICS, *REPORTS, SETTINGS_FILE):
        (folder / name).unlink(missing_ok=True)


def checkpoint_of(checkpoints: Path, name: str) -> Path:
    """Return the file that an interrupted training of a model goes on from."""
    return checkpoints / f"{name}.pt"


def is_done(folder: Path, name: str) -> bool:
    """Return whether a model is trained and whole."""
    return (folder / name / DONE).is_file()
