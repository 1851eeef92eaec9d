"""A base model as a folder of files: writing, reading, and refusing one that does not fit the job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainers.common.files import read_tensors, write_json, write_tensors
from trainers.personalization import CODE_VERSION, files
from trainers.personalization.errors import BaseModelError
from trainers.personalization.fitting.courses import Progress
from trainers.personalization.loading.kept_files import KeptFiles
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.options import PersonalizationOptions

PARENT_PARTICIPANTS = "parent_participants"
"""What says in a base model's settings whom its parent was trained on."""
RAW = "raw"
"""The inputs of a base model that says nothing of them: it was made before there were statistics."""


_KEPT: KeptFiles[dict[str, Any]] = KeptFiles()


@dataclass(frozen=True)
class BaseModel:
    """What experiments need of a base model."""

    weights: list[dict[str, Tensor]]
    """Of each member, those of its best epoch; other jobs of the process share them."""
    n_channels: int
    n_classes: int
    network: dict[str, Any]
    """`NetworkSpec.as_dict()` of the network that was trained."""
    participants: list[str]
    curves: dict[str, list[float]]
    """The content of `base_losses.json`."""

    @property
    def has_statistics(self) -> bool:
        """Whether the network standardises its inputs."""
        return bool(self.network.get("inputs", RAW) != RAW)

    @property
    def epochs(self) -> int:
        """Epochs that base training took."""
        return len(self.curves["base_val_loss"])


def write(
    folder: Path,
    options: PersonalizationOptions,
    spec: NetworkSpec,
    networks: Sequence[nn.Module],
    trained: Sequence[Progress],
    parent_participants: list[str] | None = None,
) -> None:
    """Write the files of a base model of one member or more; equal trainings write equal bytes.

    Curves and figures are those of the first member.
    """
    network, progress = networks[0], trained[0]
    common = {"network": spec.as_dict(), "participants": options.base_participants}
    best = {**common, "epoch": progress.best_epoch, **packed([one.best_weights for one in trained])}
    last = {**common, "epoch": progress.epoch, "weights": network.state_dict()}
    write_tensors(folder / files.LAST_BASE_MODEL, last)
    write_json(folder / files.BASE_LOSSES, stage_curves("base", progress))
    write_json(folder / files.BASE_METRICS, _metrics(progress))
    write_json(folder / files.BASE_CONFIG, config(options, spec, parent_participants))
    write_tensors(folder / files.BEST_BASE_MODEL, best)


def packed(weights: Sequence[dict[str, Tensor]]) -> dict[str, Any]:
    """Return weights as a model's file holds them: those of the first member, then, if any, of the others."""
    return {"weights": weights[0], **({"members": list(weights[1:])} if len(weights) > 1 else {})}


def stage_curves(stage: str, progress: Progress | None) -> dict[str, list[float]]:
    """Return the loss and F1 curves under names that begin with the stage; empty ones for no progress."""
    names = ("train_loss", "val_loss", "train_f1", "val_f1")
    return {f"{stage}_{name}": list(progress.curves[name]) if progress else [] for name in names}


def config(
    options: PersonalizationOptions, spec: NetworkSpec, parent_participants: list[str] | None = None
) -> dict[str, Any]:
    """Return everything that decides what the base model becomes, as JSON types."""
    horizon = {} if options.schedule_epochs is None else {"schedule_epochs": options.schedule_epochs}
    of_parent = {} if parent_participants is None else {PARENT_PARTICIPANTS: parent_participants}
    return {
        "participants": options.base_participants,
        "network": spec.as_dict(),
        "lr": options.lr,
        "batch_size": options.batch_size,
        "data_path": str(options.data_path),
        "use_augmentation": options.use_augmentation,
        "jitter_std": options.jitter_std,
        "magnitude_range": list(options.magnitude_range),
        "aug_prob": options.aug_prob,
        "early_stopping_patience": options.early_stopping_patience,
        "epochs": options.epochs,
        "epoch_steps": options.epoch_steps,
        "least_steps": options.least_steps,
        "schedule": options.schedule,
        "label_smoothing": options.label_smoothing,
        "average": options.average,
        "seed": options.seed,
        "seeds": options.seeds,
        "code_version": CODE_VERSION,
        **horizon,
        **of_parent,
    }


def read(folder: Path, options: PersonalizationOptions) -> BaseModel:
    """Return the base model in `folder`; BaseModelError where it is missing, damaged or another job's."""
    model = _read(folder)
    _check_participants(folder, model, options)
    return model


def read_parent(folder: Path, options: PersonalizationOptions) -> BaseModel:
    """Return what a base model starts from; BaseModelError where that is damaged, or knows the target."""
    model = _read(folder)
    if options.target in model.participants:
        raise BaseModelError(
            f"{folder}: the base model to start from was trained on {options.target}, too, the target of"
            " the job: give `participants` and `fold` to the first stage"
        )
    return model


def _read(folder: Path) -> BaseModel:
    path = folder / files.BEST_BASE_MODEL
    try:
        saved = _KEPT.get(path, "base model", partial(read_tensors, path))
        curves = json.loads((folder / files.BASE_LOSSES).read_text(encoding="utf-8"))
        model = BaseModel(
            weights=[saved["weights"], *saved.get("members", [])],
            n_channels=saved["network"]["n_channels"],
            n_classes=saved["network"]["n_classes"],
            network=saved["network"],
            participants=saved["participants"],
            curves={name: curves[name] for name in stage_curves("base", None)},
        )
        _check_form(model)
    except FileNotFoundError as error:
        raise BaseModelError(f"{error.filename}: no such file; --mode base_only writes it") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BaseModelError(f"{folder}: not a whole base model of this trainer ({error!r})") from error
    return model


def check_shape(folder: Path, model: BaseModel, spec: NetworkSpec) -> None:
    """Raise BaseModelError where the base model is of a network of another shape than the job asks for."""
    for name, wanted in spec.as_dict().items():
        found = model.network.get(name, RAW if name == "inputs" else None)
        if found != wanted:
            raise BaseModelError(f"{folder}: the base model has {name} {found}, the job asks for {wanted}")


def load_weights(folder: Path, model: BaseModel, member: int, network: nn.Module) -> None:
    """Put the weights of one member into `network`; they begin again where there are fewer members.

    Raises BaseModelError where the weights are not of such a network.
    """
    try:
        network.load_state_dict(model.weights[member % len(model.weights)])
    except (RuntimeError, TypeError, AttributeError, ValueError, LookupError) as error:
        raise BaseModelError(f"{folder}: the weights do not belong to the network ({error})") from error


def _metrics(progress: Progress) -> dict[str, Any]:
    return {
        "best_base_val_loss": progress.best("val_loss"),
        "best_base_val_loss_epoch": progress.best_epoch,
        "best_base_val_f1": progress.best("val_f1"),
        "best_base_val_accuracy": progress.best("val_accuracy"),
        "epochs": progress.epoch,
    }


def _check_form(model: BaseModel) -> None:
    """Raise ValueError for values of other kinds than a training writes."""
    if not all(isinstance(one, dict) for one in model.weights):
        raise ValueError("the weights are not named")
    states = [tensor for one in model.weights for tensor in one.values()]
    counts = (model.n_channels, model.n_classes)
    if not states or not all(isinstance(tensor, Tensor) for tensor in states):
        raise ValueError("the weights are no tensors")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in states):
        raise ValueError("the weights hold NaN or infinity")
    if not isinstance(model.network, dict) or any(type(one) is not int or one < 1 for one in counts):
        raise ValueError("the network is not described")
    if not isinstance(model.participants, list) or not all(
        isinstance(one, str) for one in model.participants
    ):
        raise ValueError("the participants are not named")
    if any(type(value) not in (int, float) for curve in model.curves.values() for value in curve):
        raise ValueError(f"{files.BASE_LOSSES} holds values that are no numbers")


def _check_participants(folder: Path, model: BaseModel, options: PersonalizationOptions) -> None:
    if model.participants != options.base_participants:
        raise BaseModelError(
            f"{folder}: the base model was trained on {' '.join(model.participants)}, "
            f"the job needs {' '.join(options.base_participants)}"
        )
