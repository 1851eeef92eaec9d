"""Untrained models with statistics of made-up rows, as they are saved."""

from __future__ import annotations

import numpy as np
import torch

from trainers.tabular.data.categories import Vocabulary
from trainers.tabular.data.dataset import Columns, Kind, Problem, Rows
from trainers.tabular.data.inputs import InputKind, InputStatistics
from trainers.tabular.data.targets import TargetStatistics, Transform
from trainers.tabular.models.registry import ModelSpec, build
from trainers.tabular.results.saved import SavedMember, SavedModel, Statistics

COLUMNS = Columns(("length", "weight", "age"), ("kind",), (4,))
VOCABULARY = Vocabulary({"kind": ("x", "y", "z")})
SMALL = {
    "transformer": {"width": 8, "heads": 2, "hidden": 16, "blocks": 1},
    "tabular_transformer": {"width": 8, "heads": 2, "hidden": 16, "blocks": 1},
    "mlp": {"embedding": 4, "hidden": 16, "layers": 2},
    "tabm": {"members": 4, "width": 16, "blocks": 1, "embedding": 4, "bins": 8},
    "realmlp": {"hidden": 16, "layers": 2},
    "ft_transformer": {"width": 8, "heads": 2, "hidden": 16, "blocks": 1},
}


def problem(kind: Kind = "regression", *, viability: bool = False) -> Problem:
    """Return a problem with two targets, or with two or three classes."""
    if kind == "regression":
        return Problem(kind, ("mass", "rate"), (), viability)
    return Problem(kind, ("sort",), ("no", "yes") if kind == "binary" else ("a", "b", "c"))


def rows(count: int, seed: int = 0, of: Problem | None = None) -> Rows:
    """Return rows of which one misses an amount and one has a category that is not known."""
    of = of or problem()
    random = np.random.default_rng(seed)
    numeric = random.gamma(2.0, 3.0, size=(count, 3)).astype(np.float32)
    numeric[0, 1] = np.nan
    categories = random.integers(0, 4, size=(count, 1))
    if of.kind == "regression":
        targets = random.gamma(2.0, size=(count, 2))
    else:
        targets = random.integers(0, len(of.classes), size=count)
    return Rows(torch.from_numpy(numeric), torch.from_numpy(categories), torch.from_numpy(targets))


def saved_model(
    name: str = "realmlp",
    of: Problem | None = None,
    *,
    inputs: InputKind = "quantile",
    transform: Transform = "none",
    folds: tuple[int, ...] = (0, 0),
) -> SavedModel:
    """Return a model with one member for each entry of `folds`."""
    of = of or problem()
    spec = ModelSpec(name, COLUMNS, of, SMALL[name])
    statistics = [_statistics(fold, of, inputs, transform) for fold in range(max(folds) + 1)]
    prepared = statistics[0].inputs.apply(rows(60).numeric)
    members = [
        SavedMember(_state(spec, prepared, number), seed=number, fold=fold)
        for number, fold in enumerate(folds)
    ]
    return SavedModel(spec, VOCABULARY, tuple(statistics), tuple(members), settings={"epochs": 3})


def _statistics(fold: int, of: Problem, inputs: InputKind, transform: Transform) -> Statistics:
    train = rows(60, fold, of)
    fitted = InputStatistics.fit(inputs, train.numeric)
    if of.kind != "regression":
        return Statistics(fitted)
    return Statistics(fitted, TargetStatistics.fit([transform] * 2, train.targets, of.targets))


def _state(spec: ModelSpec, prepared: torch.Tensor, seed: int) -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(spec, prepared)
        for parameter in network.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return network.state_dict()
