"""What lies in a folder of results: what says whose it is, and what goes where it is written over."""

from __future__ import annotations

import shutil
from pathlib import Path

from trainers.tabular.results.report import REPORTS
from trainers.tabular.settings import MODELS

SETTINGS_FILE = "settings.json"
DONE = "training.json"
"""Is written last in a model's folder."""
METRICS = "metrics.json"


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
