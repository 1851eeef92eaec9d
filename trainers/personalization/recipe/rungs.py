"""Rungs: the training of a base model goes on where that of one with fewer epochs ended, to the same result.

The lower one holds what a checkpoint holds, as it was after its last epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.damaged import told
from trainers.common.files import read_tensors
from trainers.common.json_files import read_json_file
from trainers.common.resume import differences
from trainers.personalization import base_model, files
from trainers.personalization.base_model import PARENT_PARTICIPANTS, BaseModel
from trainers.personalization.errors import BaseModelError
from trainers.personalization.fitting.checkpoints import MISFITS, taken
from trainers.personalization.fitting.courses import CURVES, CheckpointPlan, Past, Progress, Trainee
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.options import PersonalizationOptions
from trainers.personalization.recipe.members import member_checkpoint
from trainers.personalization.recipe.starting import Place

CURE = "without `resume` in the jobs file, or --resume_model_dir, it is trained from the first epoch"


@dataclass(frozen=True)
class Origin:
    """What the training of a base model begins with."""

    place: Place
    """Its `parent_model_dir` is where `base` lies."""
    base: BaseModel | None = None
    """What its weights come of: the parent, or the lower rung that came of the parent."""
    parent_participants: list[str] | None = None
    """Whom the parent was trained on; None where there is none."""
    states: tuple[tuple[Path, dict[str, Any]], ...] = ()
    """Where each member goes on; none where training begins at the first epoch."""


def origin(options: PersonalizationOptions, place: Place) -> Origin:
    """Return where a training begins; BaseModelError where what it is to go on from cannot be used."""
    states = _states(place.resume_model_dir, options, place) if place.resume_model_dir else ()
    if not states:
        parent = base_model.read_parent(place.parent_model_dir, options) if place.parent_model_dir else None
        return Origin(place, parent, parent.participants if parent else None)
    parents = states[0][1]["job"].get(PARENT_PARTICIPANTS)
    if parents is None:
        return Origin(replace(place, parent_model_dir=None), states=states)
    assert place.resume_model_dir is not None
    lower = base_model.read(place.resume_model_dir, options)
    return Origin(replace(place, parent_model_dir=place.resume_model_dir), lower, parents, states)


def going_on(
    trainees: Sequence[Trainee], begun: Origin, options: PersonalizationOptions, config: Mapping[str, Any]
) -> list[Trainee]:
    """Return the trainings, each going on from its state, if any, and leaving one if that is to be kept.

    `config` is that of the base model.  BaseModelError for states of other trainings than these.
    """
    job = {name: value for name, value in config.items() if name != "epochs"}
    job["schedule_epochs"] = options.horizon
    folder = begun.place.base_model_dir
    assert folder is not None
    plan = CheckpointPlan(folder / files.CHECKPOINT, 0, job)
    found = []
    for member, trainee in enumerate(trainees):
        own = member_checkpoint(plan, member)
        assert own is not None
        past = _past(*begun.states[member], trainee, own.job) if begun.states else None
        found.append(replace(trainee, past=past, kept=own if begun.place.keeps_state else None))
    return found


def _states(
    folder: Path, options: PersonalizationOptions, place: Place
) -> tuple[tuple[Path, dict[str, Any]], ...]:
    config = read_json_file(folder / files.BASE_CONFIG)
    first = CheckpointPlan(folder / files.CHECKPOINT, 0, {})
    if not first.path.exists():
        if PARENT_PARTICIPANTS in config and place.parent_model_dir is None:
            raise BaseModelError(
                f"{first.path}: no such file, and what {folder} itself started from is not here; {CURE}"
            )
        place.say([f"{folder} holds no state of its training ({first.path.name}): it begins at epoch 1"])
        return ()
    plans = [member_checkpoint(first, member) for member in range(options.seeds)]
    return tuple((plan.path, _state(plan.path)) for plan in plans if plan)


def _state(path: Path) -> dict[str, Any]:
    try:
        state = read_tensors(path)
    except FileNotFoundError:
        raise BaseModelError(f"{path}: no such file, but there are states of other seeds; {CURE}") from None
    except ValueError as error:
        raise BaseModelError(f"{error}; {CURE}") from error
    if not isinstance(state.get("job"), dict):
        raise BaseModelError(f"{path}: does not say of which training this state is; {CURE}")
    return state


def _past(path: Path, state: dict[str, Any], trainee: Trainee, job: Mapping[str, Any]) -> Past:
    """Give the network of a training the weights of a state, and return the rest of it."""
    others = differences(state["job"], job)
    if others:
        raise BaseModelError(f"{path}: the state of another training ({others}); {CURE}")
    moments = Moments.of(trainee.network)
    try:
        progress = taken(state, trainee.network, moments)
        _check(progress, moments, trainee)
    except MISFITS as error:
        raise BaseModelError(f"{path}: the state is damaged: {told(error)}; {CURE}") from error
    if progress.epoch > trainee.schedule.epochs:
        wanted = trainee.schedule.epochs
        raise BaseModelError(f"{path}: the state of epoch {progress.epoch}, later than {wanted}; {CURE}")
    return Past(progress, moments)


def _check(progress: Progress, moments: Moments, trainee: Trainee) -> None:
    """Raise ValueError for what no training on these windows has left."""
    epoch, best = progress.epoch, progress.best_epoch
    if type(epoch) is not int or type(best) is not int or not 1 <= best <= epoch:
        raise ValueError(f"its epoch is {epoch!r}, its best {best!r}")
    if set(progress.curves) != set(CURVES) or any(len(curve) != epoch for curve in progress.curves.values()):
        raise ValueError(f"its curves are not those of {epoch} epochs")
    if any(type(value) is not float for curve in progress.curves.values() for value in curve):
        raise ValueError("its curves hold values that are no numbers")
    steps = epoch * trainee.train.n_batches
    if moments.steps != steps:
        raise ValueError(f"it has taken {moments.steps} steps, {epoch} epochs of these windows have {steps}")
    if not all(bool(torch.isfinite(one).all()) for one in _tensors(progress, moments, trainee)):
        raise ValueError("it holds NaN or infinity")


def _tensors(progress: Progress, moments: Moments, trainee: Trainee) -> list[Tensor]:
    weights = [*progress.best_weights.values(), *trainee.network.state_dict().values()]
    if not progress.best_weights:
        raise ValueError("it lacks the weights of its best epoch")
    return [*weights, moments.means, moments.squares, moments.average]
