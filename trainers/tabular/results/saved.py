"""A trained model on disk: `weights.safetensors` and `model.json`; reading them runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.files import json_bytes, write_bytes
from trainers.common.json_files import read_json_file
from trainers.common.saved_files import read_tensors_file, write_tensors_file
from trainers.tabular.data.categories import Vocabulary
from trainers.tabular.data.dataset import Columns, Problem
from trainers.tabular.data.inputs import InputStatistics
from trainers.tabular.data.targets import TargetStatistics
from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.models.registry import MODELS, ModelSpec

FORMAT = "twophase tabular model 1"
WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


@dataclass(frozen=True)
class Statistics:
    """What prepares rows for the members of one fold, and turns predictions back."""

    inputs: InputStatistics
    targets: TargetStatistics | None = None
    """None where classes are predicted."""

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            "inputs": self.inputs.to_json(),
            "targets": None if self.targets is None else self.targets.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Statistics:
        """Return what `to_json` gave."""
        targets = None if value["targets"] is None else TargetStatistics.from_json(value["targets"])
        return cls(InputStatistics.from_json(value["inputs"]), targets)


@dataclass(frozen=True)
class SavedMember:
    """One trained network of the model."""

    state: Mapping[str, Tensor]
    seed: int
    fold: int = 0
    """Whose statistics prepare its rows."""


@dataclass(frozen=True)
class Calibration:
    """What was learnt of the model's errors from the validation rows."""

    conformal: Conformal | None = None
    """None where classes are predicted, or nothing was left to calibrate with."""
    temperature: float = 1.0
    """What log-probabilities are divided by."""

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        conformal = None if self.conformal is None else self.conformal.as_json()
        return {"conformal": conformal, "temperature": self.temperature}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """Return what `to_json` gave."""
        found = value["conformal"]
        return cls(None if found is None else Conformal.from_json(found), float(value["temperature"]))


@dataclass(frozen=True)
class SavedModel:
    """Everything that a prediction needs."""

    spec: ModelSpec
    vocabulary: Vocabulary
    statistics: tuple[Statistics, ...]
    """One for each fold."""
    members: tuple[SavedMember, ...]
    calibration: Calibration = Calibration()
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, as JSON types; a prediction takes of them what infinite amounts are."""


def save_model(folder: Path, model: SavedModel) -> None:
    """Write the model's two files, each whole or not at all, the description last."""
    tensors = {
        f"{number}/{name}": value
        for number, member in enumerate(model.members)
        for name, value in member.state.items()
    }
    write_tensors_file(folder / WEIGHTS, tensors)
    write_bytes(folder / DESCRIPTION, json_bytes(_described(model)))


def load_model(folder: Path) -> SavedModel:
    """Return the model of a folder; BadInput, naming the file, for what is none or lacks something."""
    path = folder / DESCRIPTION
    described = read_json_file(path)
    if described.get("format") != FORMAT:
        raise BadInput(f"{path}: not a saved model of tables ({FORMAT!r} is expected as its format)")
    tensors = read_tensors_file(folder / WEIGHTS)
    try:
        model = _read(described, tensors)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RuntimeError,
        IndexError,
        OverflowError,
    ) as error:
        raise BadInput(f"{path}: lacks or has a wrong {error}; save the model again") from error
    empty = [number for number, member in enumerate(model.members) if not member.state]
    if empty or not model.members:
        raise BadInput(f"{folder / WEIGHTS}: has no weights of member {empty[0] if empty else 0}")
    return model


def _described(model: SavedModel) -> dict[str, Any]:
    spec = model.spec
    return {
        "format": FORMAT,
        "model": spec.name,
        "sizes": dict(spec.sizes),
        "columns": spec.columns.to_json(),
        "problem": spec.problem.to_json(),
        "vocabulary": model.vocabulary.to_json(),
        "statistics": [one.to_json() for one in model.statistics],
        "members": [{"seed": member.seed, "fold": member.fold} for member in model.members],
        "calibration": model.calibration.to_json(),
        "settings": dict(model.settings),
    }


def _read(value: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> SavedModel:
    columns, problem = Columns.from_json(value["columns"]), Problem.from_json(value["problem"])
    if value["model"] not in MODELS:
        raise ValueError(f"model {value['model']!r}; known are {', '.join(MODELS)}")
    statistics = tuple(map(Statistics.from_json, value["statistics"]))
    members = tuple(
        SavedMember(_state(tensors, number), int(one["seed"]), int(one["fold"]))
        for number, one in enumerate(value["members"])
    )
    if any(not 0 <= member.fold < len(statistics) for member in members):
        raise ValueError("fold of a member")
    vocabulary, sizes = Vocabulary.from_json(value["vocabulary"]), value["sizes"]
    there = (tuple(vocabulary.categories), vocabulary.cardinalities)
    if there != (columns.categorical, columns.cardinalities):
        raise ValueError("vocabulary: it is of other columns")
    if not isinstance(sizes, dict) or not all(type(one) in (int, float) for one in sizes.values()):
        raise ValueError("sizes: they must be numbers by their names")
    return SavedModel(
        ModelSpec(value["model"], columns, problem, sizes),
        vocabulary,
        statistics,
        members,
        Calibration.from_json(value["calibration"]),
        dict(value["settings"]),
    )


def _state(tensors: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    start = f"{number}/"
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
