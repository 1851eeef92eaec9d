"""Figures for TensorBoard and Weights & Biases, by name and imported late, beside JSONL and CSV."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from trainers.common.errors import BadInput, TrainerError

PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb"}


class Tracker(Protocol):
    """Takes figures."""

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Take the figures of a step in."""
        ...

    def close(self) -> None:
        """Write what is not written yet."""
        ...


def check_trackers(names: tuple[str, ...]) -> None:
    """Raise BadInput for a name that is none, TrainerError where its package is missing."""
    for name in names:
        if name not in PACKAGES:
            raise BadInput(f"--log {name}: must be of {', '.join(PACKAGES)}")
        if importlib.util.find_spec(PACKAGES[name]) is None:
            raise TrainerError(f"--log {name} needs {name}: pip install 'twophase[{name}]'")


def open_trackers(
    names: tuple[str, ...], folder: Path, config: Mapping[str, Any], after: int
) -> list[Tracker]:
    """Return the trackers of these names; `after`: the step that a training goes on after, 0 for none."""
    openers: dict[str, Callable[[], Tracker]] = {
        "tensorboard": lambda: _TensorBoard(folder / "tensorboard", after),
        "wandb": lambda: _Wandb(folder, config),
    }
    return [openers[name]() for name in names]


class _TensorBoard:
    """Event files below the output."""

    def __init__(self, folder: Path, after: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What a killed attempt wrote of later steps is not shown.
        self._writer: Any = SummaryWriter(str(folder), purge_step=after + 1 if after else None)

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _Wandb:
    """A run of Weights & Biases, as its own environment variables have it; without them offline."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        import os

        wandb: Any = importlib.import_module("wandb")
        folder.mkdir(parents=True, exist_ok=True)
        mode = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
        project = os.environ.get("WANDB_PROJECT") or "twophase-sae"
        self._run = wandb.init(project=project, dir=str(folder), config=dict(config), mode=mode)

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        self._run.finish()
