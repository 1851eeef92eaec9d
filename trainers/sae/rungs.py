"""Rungs: the training of a base model goes on where that of one with fewer epochs ended.

The lower one holds the checkpoint that its training ended with.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.common.damaged import told
from trainers.common.errors import BadInput
from trainers.common.files import read_tensors, unwritable
from trainers.common.memory import is_out_of_memory
from trainers.common.resume import as_json, differences
from trainers.sae.checkpoints import MEMORY, STATE, Checkpoints
from trainers.sae.loop import Plan, taken_up
from trainers.sae.training import Training

KEPT_STATE = "training_state"
"""The folder of it in a base model."""
CURE = "without `resume` in the jobs file it is trained from the first epoch"
_FINGERPRINT = "fingerprint"


@dataclass(frozen=True)
class Lower:
    """What a training goes on from, known to fit it."""

    state: Mapping[str, Any]
    weights: Mapping[int, Mapping[str, Tensor]]
    """Of the best validations, by their steps."""

    def take_over(self, folder: Path, fingerprint: Mapping[str, Any]) -> None:
        """Write it as the training's own checkpoint; the state last, which says that all is there."""
        own = Checkpoints(folder, fingerprint)
        for step, weights in self.weights.items():
            own.write_weights(step, weights)
        own.write_state(self.state)


def has_state(checkpoints: Path) -> bool:
    """Return whether a training has a checkpoint of its own."""
    return (checkpoints / STATE).exists()


def read_lower(base: Path, plan: Plan, training: Training) -> Lower | None:
    """Return what is to be gone on from; None where a base model holds no state.

    BadInput where it is of another training, of more epochs, or damaged.  `training` is left as it says.
    """
    folder = base / KEPT_STATE
    if not base.is_dir():
        raise BadInput(f"{base}: no such folder; {CURE}")
    if not has_state(folder):
        return None
    path = folder / STATE
    try:
        state = read_tensors(path)
    except ValueError as error:
        raise BadInput(f"{error}; {CURE}") from error
    _check_training(path, state.get(_FINGERPRINT), plan.fingerprint)
    try:
        place, stopper, _ = taken_up(state, training, plan.settings)
        _check_records(state["records"])
    except Exception as error:  # of whatever kind damage brings up
        if is_out_of_memory(error):
            raise
        raise BadInput(
            f"{path}: cannot be read as a state of this training: {told(error)}; {CURE}"
        ) from error
    if place.step > plan.steps:
        raise BadInput(f"{path}: the state of step {place.step}, later than {plan.steps}; {CURE}")
    kept, like = Checkpoints(folder, {}), {**training.parameters, "_threshold": training.threshold}
    try:
        weights = {step: kept.read_weights(step, like) for _, step in stopper.best}
    except BadInput as error:
        raise BadInput(f"{folder}: {error}; {CURE}") from error
    return Lower({name: value for name, value in state.items() if name != _FINGERPRINT}, weights)


def keep_state(checkpoints: Path, base: Path) -> None:
    """Copy the checkpoint that a training has ended with into its base model."""
    folder = base / KEPT_STATE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (checkpoints / MEMORY, *sorted(checkpoints.glob("step_*.pt")), checkpoints / STATE):
            shutil.copyfile(path, folder / path.name)
    except OSError as error:
        raise unwritable(folder, error) from error


def _check_records(records: object) -> None:
    """Raise ValueError for what are no records of validations."""
    if not isinstance(records, list) or not records or not all(isinstance(one, dict) for one in records):
        raise ValueError("it holds no records")
    if not {"loss", "val_loss", "step"} <= records[-1].keys():
        raise ValueError("its last record has no losses")


def _check_training(path: Path, before: object, now: Mapping[str, Any]) -> None:
    if not isinstance(before, dict):
        raise BadInput(f"{path}: does not say of which training this state is; {CURE}")
    changed = differences(_of_all_rungs(before), _of_all_rungs(as_json(now)))
    if changed:
        raise BadInput(f"{path}: the state of another training ({changed}); {CURE}")


def _of_all_rungs(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """Return what rungs have to agree in: all but how many of the epochs of one schedule are trained."""
    epochs = fingerprint.get("schedule_epochs") or fingerprint.get("max_epochs")
    others = {name: value for name, value in fingerprint.items() if name != "max_epochs"}
    return {**others, "schedule_epochs": epochs}
