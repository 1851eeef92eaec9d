"""Arms of the benchmark of quality for probes: each gets the same activations and answers with logits."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting.exact import ExactTraining
from trainers.probes.fitting.fused import FusedTraining
from trainers.probes.reading.hdf5 import SPLITS
from trainers.probes.reading.layer import Layer
from trainers.probes.settings import CAREFUL, RECIPES, Settings

Array = NDArray[Any]
Arrays = dict[str, tuple[Array, Array]]
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Size:
    """How much made-up data."""

    n_train: int = 6_000
    n_features: int = 512
    classes: int = 45
    texts: int = 8_000
    """Sentences at most, for the activations of MiniLM."""


QUICK = Size(1_000, 32, 20, 0)
FULL = Size(31_500, 2_560, 45, 0)


def made_up(seed: int, size: Size, mean: float) -> Arrays:
    """Return Gaussian classes in directions of unequal variance, shifted by `mean` deviations or so."""
    rng = np.random.default_rng(seed)
    scales = rng.permutation(np.arange(1, size.n_features + 1) ** -0.5).astype("float32") * 4
    strength = 2.1 / size.n_features**0.5
    centres = rng.normal(size=(size.classes, size.n_features)).astype("float32") * strength
    shift = rng.normal(size=size.n_features).astype("float32") * mean
    found = {}
    for name, rows in zip(SPLITS, (size.n_train, size.n_train // 8, size.n_train // 8), strict=True):
        labels = rng.permutation(np.arange(rows) % size.classes)
        noise = rng.standard_normal((rows, size.n_features), dtype="float32")
        noise += centres[labels]
        noise += shift
        noise *= scales
        found[name] = (noise, labels)
    return found


def digits(seed: int) -> Arrays:
    """Return the pixels of scikit-learn's handwritten digits, dealt out at random."""
    x, y = load_digits(return_X_y=True)
    parts = np.split(np.random.default_rng(seed).permutation(len(y)), [len(y) * 6 // 10, len(y) * 8 // 10])
    return {name: (x[rows].astype("float32"), y[rows]) for name, rows in zip(SPLITS, parts, strict=True)}


def layer_of(arrays: Arrays) -> Layer:
    """Return the arrays as a trainer gets them."""
    classes = 1 + max(int(labels.max()) for _, labels in arrays.values())
    wide = {name: labels[:, None] == np.arange(classes) for name, (_, labels) in arrays.items()}
    return Layer(
        {name: ResidentRows(torch.from_numpy(x)) for name, (x, _) in arrays.items()},
        {name: torch.from_numpy(targets.astype("uint8")) for name, targets in wide.items()},
        CPU,
    )


def ours(arrays: Arrays, seed: int, **settings: Any) -> Array:
    """Return the test logits [N, P] of our probes."""
    layer, chosen = layer_of(arrays), Settings(seed=seed, **settings)
    kind = ExactTraining if chosen.solver == "exact" else FusedTraining
    probes = range(layer.targets["train"].shape[1])
    trained = [one for _, _, done in kind(layer, chosen, probes).run() for one in done]
    trained.sort(key=lambda one: one.probe)
    weights = torch.cat([one.state["linear.weight"] for one in trained]).double().numpy()
    biases = torch.cat([one.state["linear.bias"] for one in trained]).double().numpy()
    logits: Array = arrays["test"][0] @ weights.T + biases
    return logits


def theirs(arrays: Arrays, model: Any) -> Array:
    """Return the test decision values of a scikit-learn model, one column a class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*arrays["train"])
    values: Array = model.decision_function(arrays["test"][0])
    return values


def sgd(seed: int) -> SGDClassifier:
    """Return what a user would write first for many examples: one against the rest, on torch's threads.

    Early stopping ends it after 10 to 20 passes; 50 are a bound.
    """
    threads = torch.get_num_threads()
    return SGDClassifier(loss="log_loss", early_stopping=True, max_iter=50, n_jobs=threads, random_state=seed)


Arm = Callable[[Arrays, int], Array]
OURS: dict[str, Arm] = {
    "ours, original recipe": lambda data, seed: ours(data, seed, **RECIPES["original"]),
    "ours, default": lambda data, seed: ours(data, seed),
    "ours, exact solver": lambda data, seed: ours(data, seed, solver="exact"),
}
WITHOUT: dict[str, Arm] = {
    "ours, default but raw": lambda data, seed: ours(data, seed, inputs="raw", **CAREFUL),
    "ours, default but bias from zero": lambda data, seed: ours(data, seed, bias_start="zero"),
    "ours, default but batches of 512": lambda data, seed: ours(data, seed, epoch_steps=0),
    "ours, default but no dropout": lambda data, seed: ours(data, seed, dropout=0.0),
    "ours, default but lr 1e-3": lambda data, seed: ours(data, seed, lrs=(1e-3,)),
    "ours, default but 50 epochs at lr 1e-3": lambda data, seed: ours(data, seed, **CAREFUL),
}
"""What is taken away from the default."""
THEIRS: dict[str, Arm] = {
    "SGDClassifier": lambda data, seed: theirs(data, sgd(seed)),
    "StandardScaler, SGDClassifier": lambda data, seed: theirs(
        data, make_pipeline(StandardScaler(), sgd(seed))
    ),
    "StandardScaler, LogisticRegression": lambda data, seed: theirs(
        data, make_pipeline(StandardScaler(), LogisticRegression())
    ),
}
DEFAULT = "ours, default"


@dataclass(frozen=True)
class Measured:
    """What one arm reached with one seed."""

    auc: float
    """Mean over the classes of the test split."""
    seconds: float
    cpu_seconds: float
    """Of all threads; unlike the seconds it hardly depends on what else the machine does."""


def measure(arm: Arm, arrays: Arrays, seed: int) -> Measured:
    """Run one arm."""
    started, cpu_started = time.perf_counter(), time.process_time()
    logits = arm(arrays, seed)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    labels = arrays["test"][1]
    areas = [roc_auc_score(labels == one, logits[:, one]) for one in np.unique(labels)]
    return Measured(float(np.mean(areas)), seconds, cpu_seconds)


def datasets(size: Size, seed: int, minilm: Path | None) -> Iterator[tuple[str, Arrays]]:
    """Yield every data set by name; each seed draws or splits it anew."""
    yield "zero means", made_up(seed, size, 0.0)
    yield "large means", made_up(seed, size, 10.0)
    if size is FULL:
        return
    yield "digits", digits(seed)
    if size.texts:
        from benchmarks.docstrings import Missing, activations

        try:
            yield "MiniLM", activations(size.texts, seed, minilm)
        except Missing as missing:
            print(f"MiniLM: left out, {missing}")
