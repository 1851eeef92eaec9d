"""Arms of the benchmark of quality for people: the trainer in every mode, and what a user would write."""

from __future__ import annotations

import contextlib
import io
import json
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from torch import nn

from trainers.personalization.__main__ import main as train
from trainers.personalization.scoring import scores

Array = NDArray[Any]
Figures = tuple[float, float]
"""Accuracy and F1."""
MODES = ("target_only", "target_only_fine_tuning", "full_fine_tuning")
AVERAGED = 8


@dataclass(frozen=True)
class People:
    """A data set of participants."""

    folder: Path
    names: tuple[str, ...]
    n_classes: int
    window_size: int
    flags: tuple[str, ...]
    """How the trainer is called on it."""

    def load(self, names: Sequence[str], splits: Sequence[str]) -> tuple[Array, Array]:
        """Return windows [N, C * T] and classes [N]."""
        pairs = [
            torch.load(self.folder / f"{name}_{split}.pt", weights_only=True)
            for name in names
            for split in splits
        ]
        X = torch.cat([pair[0][:, :, : self.window_size].flatten(1) for pair in pairs])
        return X.numpy(), torch.cat([pair[1].flatten() for pair in pairs]).long().numpy()


Arm = Callable[[People, int, int], dict[str, Figures]]
"""From data, fold and seed to figures by mode."""


def ours(people: People, fold: int, seed: int, *flags: str) -> dict[str, Figures]:
    """Return the figures of the trainer in each mode, from a base model of its own."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        common = ["--fold", str(fold), "--participants", *people.names, "--data_path", str(people.folder)]
        common += ["--window_size", str(people.window_size), "--n_classes", str(people.n_classes)]
        common += ["--seed", str(seed), "--no_plots", "--base_model_dir", f"{folder}/base", *people.flags]
        for mode in ("base_only", *MODES):
            with contextlib.redirect_stdout(io.StringIO()):
                code = train([*common, "--mode", mode, "--output_dir", f"{folder}/{mode}", *flags])
            assert code == 0
            if mode != "base_only":
                values = json.loads(Path(folder, mode, "metrics.json").read_text(encoding="utf-8"))
                found[mode] = tuple(
                    values[f"best_target_model_target_test_{name}"] for name in ("accuracy", "f1")
                )
    return found


def figures(people: People, truth: Array, probabilities: Array) -> Figures:
    """Return accuracy and F1 as the trainer counts them."""
    predicted = torch.from_numpy(probabilities).argmax(1)
    found = scores(0.0, torch.from_numpy(truth), predicted, people.n_classes)
    return found.accuracy, found.f1


def theirs(people: People, fold: int, model: Callable[[], Any], hybrid_weight: int = 1) -> dict[str, Figures]:
    """Return what a scikit-learn model reaches on the target's test split, by what it was trained on.

    `personal`: the target's train and val; `impersonal`: all splits of the others; `hybrid`: both, the
    target's windows as often as `hybrid_weight` says.
    """
    target, others = people.names[fold], [name for at, name in enumerate(people.names) if at != fold]
    own, rest = people.load([target], ("train", "val")), people.load(others, ("train", "val", "test"))
    X, y = people.load([target], ("test",))
    both = tuple(np.concatenate([*[a] * hybrid_weight, b]) for a, b in zip(own, rest, strict=True))
    found = {}
    for name, (X_train, y_train) in {"personal": own, "impersonal": rest, "hybrid": both}.items():
        fitted = model()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted.fit(X_train, y_train)
        p = np.zeros((len(y), people.n_classes))
        p[:, fitted.classes_] = fitted.predict_proba(X)
        found[name] = figures(people, y, p)
    return found


def prototype(people: People, fold: int, seed: int, members: int) -> dict[str, Figures]:
    """Return what fifty lines reach: quantile-normal inputs, two layers of 128, steps along a cosine."""
    target, others = people.names[fold], [name for at, name in enumerate(people.names) if at != fold]
    own, rest = people.load([target], ("train", "val")), people.load(others, ("train", "val"))
    X, y = people.load([target], ("test",))
    chance = torch.Generator().manual_seed(1000 * seed + fold)
    alone = Mlps(people, own[0], members, chance)
    alone.fit(own, 1000, 1e-3)
    found = {"target_only": alone.probabilities(X)}
    base = Mlps(people, rest[0], members, chance)
    base.fit(rest, 2000, 1e-3)
    start = [value.detach().clone() for value in base.values]
    base.fit(own, 400, 5e-4)
    found["target_only_fine_tuning"] = base.probabilities(X)
    for value, before in zip(base.values, start, strict=True):
        value.data.copy_(before)
    base.fit(own, 400, 5e-4, rest)
    found["full_fine_tuning"] = base.probabilities(X)
    return {mode: figures(people, y, p) for mode, p in found.items()}


class Mlps:
    """The networks of the prototype, some members side by side (M), whose probabilities are averaged."""

    def __init__(self, people: People, X: Array, members: int, chance: torch.Generator) -> None:
        self._scale = QuantileTransformer(n_quantiles=min(1000, len(X)), output_distribution="normal").fit(X)
        self._members, self._chance = members, chance
        widths = (X.shape[1], 128, 128, people.n_classes)
        self.values = [
            self._uniform((members, rows, wide_out), wide_in)
            for wide_in, wide_out in pairwise(widths)
            for rows in (wide_in, 1)
        ]

    def _uniform(self, shape: tuple[int, ...], wide_in: int) -> torch.Tensor:
        """Return weights as torch.nn.Linear draws them."""
        return ((2 * torch.rand(shape, generator=self._chance) - 1) / math.sqrt(wide_in)).requires_grad_()

    def _logits(self, X_MND: torch.Tensor, keep: float = 1.0) -> torch.Tensor:
        weights = iter(self.values)
        hidden = X_MND
        for layer, (weight, bias) in enumerate(zip(weights, weights, strict=True)):
            if layer:
                hidden = hidden.relu()
                kept = torch.rand(hidden.shape, generator=self._chance) < keep if keep < 1 else 1
                hidden = hidden * kept / keep
            hidden = torch.baddbmm(bias, hidden, weight)
        return hidden

    def fit(
        self, own: tuple[Array, Array], steps: int, lr: float, rest: tuple[Array, Array] | None = None
    ) -> None:
        """Train for so many steps of 64 windows, half of them from `rest` where it is given."""
        parts = [(self._inputs(X), torch.from_numpy(y)) for X, y in (own, rest or own)]
        optimiser = torch.optim.AdamW(self.values, lr=lr)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * step / steps)) / 2
            rows = [torch.randint(len(y), (self._members, 32), generator=self._chance) for _, y in parts]
            X = torch.cat([X[chosen] for (X, _), chosen in zip(parts, rows, strict=True)], 1)
            y = torch.cat([y[chosen] for (_, y), chosen in zip(parts, rows, strict=True)], 1)
            logits = self._logits(X, keep=0.8).flatten(0, 1)
            loss = nn.functional.cross_entropy(logits, y.flatten(), label_smoothing=0.1)
            optimiser.zero_grad()
            # Summed over members, so that each has the gradient that it would have alone.
            (self._members * loss).backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    def _inputs(self, X: Array) -> torch.Tensor:
        return torch.from_numpy(self._scale.transform(X).clip(-3, 3).astype("float32"))

    @torch.no_grad()
    def probabilities(self, X: Array) -> Array:
        """Return the mean probabilities [N, K]."""
        inputs = self._inputs(X)
        logits = self._logits(inputs.expand(self._members, *inputs.shape))
        found: Array = logits.softmax(2).mean(0).double().numpy()
        return found


def forest(seed: int) -> RandomForestClassifier:
    """Return the forest that a user would write."""
    return RandomForestClassifier(300, random_state=seed)


EIGHT = ("--seeds", str(AVERAGED))
HALF = ("--target_batch_pct", "0.5")
ABLATION: dict[str, tuple[str, ...]] = {
    "refit": ("--no-refit",),
    "standardised inputs": ("--inputs", "raw"),
    "more than two steps an epoch": ("--epoch_steps", "0"),
    "least steps": ("--least_steps", "0"),
    "cosine": ("--schedule", "constant"),
    "label smoothing": ("--label_smoothing", "0"),
    "averaged weights": ("--average", "0"),
}
"""What is taken away from the default."""
QUANTILES = ("--inputs", "quantiles")
OURS: dict[str, Arm] = {
    "ours, original recipe": lambda p, fold, seed: ours(
        p, fold, seed, "--recipe", "original", "--lr", "1e-3"
    ),
    "ours, default": lambda p, fold, seed: ours(p, fold, seed),
    "ours, default, half of each batch the target's": lambda p, fold, seed: ours(p, fold, seed, *HALF),
}
AVERAGES: dict[str, Arm] = {
    "ours, 8 seeds": lambda p, fold, seed: ours(p, fold, seed * 100, *EIGHT),
    "prototype, 8 seeds": lambda p, fold, seed: prototype(p, fold, seed, AVERAGED),
}
WITHOUT: dict[str, Arm] = {
    f"ours, without {name}": lambda p, fold, seed, flags=flags: ours(p, fold, seed, *flags)  # type: ignore[misc]
    for name, flags in ABLATION.items()
}
WITHOUT["ours, quantiles instead"] = lambda p, fold, seed: ours(p, fold, seed, *QUANTILES)
THEIRS: dict[str, Arm] = {
    "prototype": lambda p, fold, seed: prototype(p, fold, seed, 1),
    "forest": lambda p, fold, seed: theirs(p, fold, lambda: forest(seed), 3),
    "LogisticRegression": lambda p, fold, seed: theirs(
        p, fold, lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)), 3
    ),
    "MLPClassifier": lambda p, fold, seed: theirs(
        p, fold, lambda: make_pipeline(StandardScaler(), MLPClassifier(random_state=seed, max_iter=300)), 3
    ),
}


@dataclass(frozen=True)
class Measured:
    """What one arm reached with one seed: means over all folds, by mode."""

    figures: dict[str, Figures]
    seconds: float


def measure(arm: Arm, people: People, folds: int, seed: int) -> Measured:
    """Run one arm over the folds."""
    started = time.perf_counter()
    found = [arm(people, fold, seed) for fold in range(folds)]
    seconds = time.perf_counter() - started
    means = {mode: tuple(np.mean([one[mode] for one in found], axis=0).tolist()) for mode in found[0]}
    return Measured(means, seconds)  # type: ignore[arg-type]
