"""Which members of a model are trained, and how: settings before the model's own recipe."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, cast

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Problem
from trainers.tabular.models.registry import Recipe, Schedule, recipe
from trainers.tabular.settings import Settings

PATIENCE = 500
"""Of --early-stopping where neither the settings nor the recipe say another."""
TUNED = 0.1
"""Part of a recipe's rate with which a base model is trained further."""


@dataclass(frozen=True)
class Planned:
    """One member: what tells it from the others."""

    seed: int
    fold: int
    """Its place among the folds that are trained."""
    learning_rate: float
    weight_decay: float
    clip_norm: float

    @property
    def rates(self) -> tuple[float, float, float]:
        """Return what a search chooses among."""
        return self.learning_rate, self.weight_decay, self.clip_norm


def recipe_of(name: str, problem: Problem, settings: Settings, *, further: bool = False) -> Recipe:
    """Return how a model is trained: its recipe, and what the settings say instead.

    `further`: from a base model on.
    """
    own = recipe(name, problem)
    given: dict[str, Any] = {
        "epochs": settings.epochs,
        "batch_size": settings.batch_size,
        "schedule": cast("Schedule | None", settings.schedule),
        "inputs": settings.inputs,
    }
    if further:
        given["learning_rate"] = settings.tune_learning_rate or own.learning_rate * TUNED
        given["epochs"] = settings.tune_epochs or settings.epochs
    found = replace(own, **{key: value for key, value in given.items() if value is not None})
    return replace(found, patience=_patience(found, settings))


def _patience(own: Recipe, settings: Settings) -> int:
    if settings.early_stopping is False:
        return 0
    if settings.early_stopping:
        return settings.patience or own.patience or PATIENCE
    return settings.patience or own.patience


def planned(own: Recipe, settings: Settings, folds: int) -> list[Planned]:
    """Return the members: each seed on each fold with each rate, decay and clip norm."""
    rates = settings.learning_rates or (own.learning_rate,)
    decays = settings.weight_decays or (own.weight_decay,)
    clips = settings.clip_norms or (own.clip_norm,)
    return [
        Planned(seed, fold, rate, decay, clip)
        for rate, decay, clip in product(rates, decays, clips)
        for seed in settings.seeds
        for fold in range(folds)
    ]


def batch_of(own: Recipe, settings: Settings, n_train: int) -> tuple[int, str | None]:
    """Return the rows of a step, and a note where the recipe has more than there are.

    Raises BadInput where the user asked for more.
    """
    if own.batch_size <= n_train:
        return own.batch_size, None
    if settings.batch_size is not None:
        raise BadInput(
            f"--batch-size {own.batch_size}: there are only {n_train} rows to train on; at most {n_train}"
        )
    return n_train, f"batches of {n_train} rows, since there are no more (the recipe has {own.batch_size})"


def best_rates(members: Sequence[Planned], losses: Sequence[float]) -> tuple[float, float, float]:
    """Return the rates with the lowest validation loss in the mean over seeds and folds."""
    by_rates: dict[tuple[float, float, float], list[float]] = {}
    for member, loss in zip(members, losses, strict=True):
        by_rates.setdefault(member.rates, []).append(loss)
    return min(by_rates, key=lambda rates: sum(by_rates[rates]) / len(by_rates[rates]))


def sizes_of(words: Sequence[str], name: str) -> dict[str, float]:
    """Return the sizes of one model of words such as `mlp.hidden=256`; BadInput for what is none."""
    found = {}
    for word in words:
        place, equals, value = word.partition("=")
        model, dot, size = place.partition(".")
        try:
            number = float(value)
        except ValueError:
            number, dot = 0.0, ""
        if not (equals and dot and math.isfinite(number)):
            raise BadInput(f"--sizes {word}: must be like mlp.hidden=256")
        if model == name:
            found[size] = int(number) if number.is_integer() else number
    return found
