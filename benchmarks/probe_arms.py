"""Arms of the benchmark of probes, each run in a process of its own, and the same work on an accelerator."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier

from trainers.common.activations.loading import load_rows
from trainers.common.activations.rows import ResidentRows
from trainers.common.cuda_graphs import Step, WholeStep
from trainers.probes.fitting.device.arithmetic import PlainArithmetic
from trainers.probes.fitting.device.ways import Ways, ways_of
from trainers.probes.fitting.exact import ExactSolver
from trainers.probes.fitting.fused import FusedTraining, product_threads
from trainers.probes.fitting.one_by_one import OneByOneTraining
from trainers.probes.reading.hdf5 import SPLITS, open_activations
from trainers.probes.reading.labels import read_targets
from trainers.probes.reading.layer import Layer
from trainers.probes.settings import Loader, Settings

CPU = torch.device("cpu")
Array = NDArray[Any]
RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2)


@dataclass(frozen=True)
class Size:
    """How much data, and how many probes the slow arms train."""

    n_train: int = 20_000
    n_test: int = 2_500
    classes: int = 45
    epochs: int = 5
    """Epochs of the fused arms."""
    few_epochs: int = 2
    """Epochs of the arms that train probes one by one."""
    few_probes: int = 2
    threads: int = 8
    solved: int = 4
    """Probes that scikit-learn's exact solver is timed on."""


QUICK = Size(n_train=3_000, n_test=500, classes=20, epochs=5, few_epochs=1, solved=2)


@dataclass(frozen=True)
class Measured:
    """What one arm took."""

    seconds: float
    """For all probes: an epoch of training, or the whole of a solver."""
    cpu_seconds: float
    """Of all threads; unlike the seconds it hardly depends on what else the machine does."""
    note: str
    """What was timed."""
    peak_mib: float = 0.0
    """Resident memory of the arm's process and its own processes at their highest, mapped files included."""
    objectives: tuple[float, ...] = ()


def make_data(path: Path, features: int, size: Size) -> None:
    """Write activations whose directions have unequal variances, as those of networks do."""
    rng = np.random.default_rng(0)
    scales = (np.arange(1, features + 1) ** -0.5).astype("float32") * features**0.5 / 4
    centres = rng.normal(size=(size.classes, features)).astype("float32") * 0.35 * (1024 / features) ** 0.25
    with h5py.File(path, "w") as file:
        for split, rows in zip(SPLITS, (size.n_train, size.n_test, size.n_test), strict=True):
            labels = rng.permutation(np.arange(rows) % size.classes)
            noise = rng.standard_normal((rows, features), dtype="float32")
            file[f"{split}/activations"] = (noise + centres[labels]) * scales
            file[f"{split}/labels"] = labels


def load(path: Path, settings: Settings) -> Layer:
    """Return the layer as the command would load it."""
    file = open_activations(path)
    rows = {
        name: load_rows(split, settings.storage_dtype, 1 << 40, CPU) for name, split in file.splits.items()
    }
    return Layer(rows, read_targets(file).splits, CPU)


def first_rows(layer: Layer) -> Layer:
    """Return little of the layer, to load what is loaded on first use before the clock starts."""
    return Layer(
        {name: ResidentRows(next(rows.blocks())[:256]) for name, rows in layer.rows.items()},
        {name: targets[:256] for name, targets in layer.targets.items()},
        CPU,
    )


def fused(path: Path, size: Size, dtype: str = "float32", lrs: tuple[float, ...] = (5e-4,)) -> Measured:
    """All probes as one model."""
    settings = Settings(dtype=dtype, lrs=lrs, epochs=size.epochs, patience=size.epochs)
    layer = load(path, settings)
    torch.set_num_threads(product_threads(settings, size.classes, torch.get_num_threads()))
    for _ in FusedTraining(first_rows(layer), replace(settings, epochs=1), range(size.classes)).run():
        pass
    clock = Clock()
    for _ in FusedTraining(layer, settings, range(size.classes)).run():
        pass
    return clock.measured(size.epochs, f"{size.classes} probes, {size.epochs} epochs")


def one_by_one(path: Path, size: Size, probes: int, workers: int, loader: Loader) -> Measured:
    """Some of the probes, `workers` at a time."""
    settings = Settings(epochs=size.few_epochs, patience=size.few_epochs)
    layer = load(path, settings)
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    for _ in OneByOneTraining(first_rows(layer), settings, [0], 1, loader).run():
        pass
    clock = Clock()
    for _ in OneByOneTraining(layer, settings, range(probes), workers, loader).run():
        pass
    share = size.few_epochs * probes / size.classes
    return clock.measured(share, f"{probes} probes, {size.few_epochs} epochs, scaled")


def arrays(path: Path) -> tuple[Array, Array]:
    """Return the training split."""
    with h5py.File(path) as file:
        return file["train/activations"][()], file["train/labels"][()]


def sgd_classifier(path: Path, size: Size) -> Measured:
    """An epoch of scikit-learn's SGD over all probes."""
    x, y = arrays(path)
    model = SGDClassifier(loss="log_loss", max_iter=1, tol=None, n_jobs=2, random_state=0)
    model.fit(x[:500], y[:500])
    clock = Clock()
    model.fit(x, y)
    return clock.measured(1, f"{size.classes} probes, 1 epoch, batch 1, no validation")


def logistic_regression(path: Path, size: Size) -> Measured:
    """scikit-learn's L-BFGS with its default stopping rule."""
    x, y = arrays(path)
    wide = (y[:, None] == np.arange(size.solved)).astype(int)
    model = OneVsRestClassifier(LogisticRegression(C=1.0), n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x[:500], wide[:500])
        clock = Clock()
        model.fit(x, wide)
    iterations = max(int(one.n_iter_[0]) for one in model.estimators_)
    note = f"{size.solved} probes, scaled; {iterations} iterations; CPU time of its processes not counted"
    timed = clock.measured(size.solved / size.classes, note)
    found = tuple(
        objective(x, wide[:, probe], one.coef_[0], float(one.intercept_[0]))
        for probe, one in enumerate(model.estimators_)
    )
    return replace(timed, objectives=found)


def exact(path: Path, size: Size) -> Measured:
    """The exact solver, all probes, with the making of its preconditioner."""
    settings = Settings(solver="exact")
    layer = load(path, settings)
    clock = Clock()
    solver = ExactSolver(layer, settings, range(size.classes))
    solved = sorted((one for _, done in solver.run() for one in done), key=lambda one: one.probe)
    iterations = max(one.iterations for one in solved)
    timed = clock.measured(1, f"{size.classes} probes; {iterations} iterations")
    x, y = arrays(path)
    found = tuple(
        objective(x, (y == one.probe).astype(int), one.weight_D.numpy(), one.intercept)
        for one in solved[: size.solved]
    )
    return replace(timed, objectives=found)


def objective(x: Array, y: Array, weight: Array, intercept: float) -> float:
    """Return scikit-learn's objective at C = 1, in float64."""
    weight = weight.astype("float64")
    logits = np.concatenate([part.astype("float64") @ weight for part in np.array_split(x, 20)]) + intercept
    return float(np.logaddexp(0, logits).sum() - logits[y == 1].sum() + weight @ weight / 2)


class Clock:
    """Wall and CPU time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def measured(self, share: float, note: str) -> Measured:
        """Return the times, divided by `share`: how much of an epoch of all probes they were for."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Measured(wall / share, cpu / share, note)


ARMS: dict[str, Callable[[Path, Size], Measured]] = {
    "dataloader, one by one": lambda path, size: one_by_one(path, size, size.few_probes, 1, "dataloader"),
    "dataloader, 8 threads": lambda path, size: one_by_one(path, size, size.threads, 8, "dataloader"),
    "in memory, one by one": lambda path, size: one_by_one(path, size, size.few_probes, 1, "memory"),
    "fused float32": fused,
    "fused bfloat16": lambda path, size: fused(path, size, "bfloat16"),
    "fused float32, 8 rates": lambda path, size: fused(path, size, lrs=RATES),
    "fused bfloat16, 8 rates": lambda path, size: fused(path, size, "bfloat16", RATES),
    "SGDClassifier, n_jobs=2": sgd_classifier,
    "LogisticRegression, n_jobs=2": logistic_regression,
    "exact solver": exact,
}


def run_arm(name: str, path: Path, size: Size) -> Measured:
    """Run one arm in this process and add its memory."""
    measured = ARMS[name](path, size)
    own = Path("/proc/self")
    children = [int(child) for jobs in own.glob("task/*/children") for child in jobs.read_text().split()]
    return replace(measured, peak_mib=sum(peak_mib(process) for process in [os.getpid(), *children]))


def peak_mib(process: int) -> float:
    """Return the most memory that a process has had resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def on_device(device: torch.device, rows: int, features: int, epochs: int) -> dict[str, Any]:
    """Train 45 × 8 columns on bfloat16 activations made on an accelerator, and some by threads there."""
    size = Size()
    settings = Settings(dtype="bfloat16", lrs=RATES, epochs=epochs, patience=epochs)
    centres = torch.randn(size.classes, features, device=device) * 0.1
    held: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for name, count in zip(SPLITS, (rows, rows // 10, rows // 10), strict=True):
        labels = torch.arange(count, device=device) % size.classes
        x = torch.empty(count, features, dtype=torch.bfloat16, device=device)
        for part, classes in zip(torch.split(x, 1 << 14), torch.split(labels, 1 << 14), strict=True):
            part.copy_(centres[classes] + torch.randn(part.shape, device=device))
        held[name] = x, (labels[:, None] == torch.arange(size.classes, device=device)).to(torch.uint8)
    layer = Layer(
        {name: ResidentRows(x) for name, (x, _) in held.items()},
        {name: targets for name, (_, targets) in held.items()},
        device,
    )
    begin = time.perf_counter()
    seconds = timed_epochs(FusedTraining(layer, settings, range(size.classes)))
    started = time.perf_counter() - begin - sum(seconds)
    few = replace(settings, epochs=2)
    other_ways = {
        name: timed_epochs(FusedTraining(layer, few, range(size.classes), ways))[-1]
        for name, ways in ways_beside(device).items()
    }
    alone = replace(settings, lrs=(5e-4,), epochs=1)
    clock = Clock()
    for _ in OneByOneTraining(layer, alone, range(size.threads), size.threads, "memory").run():
        pass
    threads = clock.measured(size.threads / size.classes, "").seconds
    return {
        "device": str(device),
        "columns": size.classes * len(RATES),
        "seconds_per_epoch": median(seconds),
        "seconds_in_all": sum(seconds),
        "seconds_of_50_epochs": started + seconds[0] + 49 * median(seconds[1:]),
        "seconds_per_epoch_of_other_ways": other_ways,
        "seconds_to_read_at_3.35_TB_per_s": rows * features * 2 / 3.35e12,
        "ratios": {"45 probes by 8 threads over fused with 8 rates, an epoch": threads / median(seconds)},
    }


def ways_beside(device: torch.device) -> dict[str, Ways]:
    """Return the same steps taken in other ways: launched one by one, and without kernels of our own."""

    def launched(step: Step, generators: Sequence[torch.Generator]) -> WholeStep:
        return WholeStep(step, None)

    usual = ways_of(device, torch.float32)
    kernels = usual.arithmetic if usual else PlainArithmetic()
    return {
        "launched one by one": Ways(launched, kernels),
        "torch's operations, recorded": Ways(usual.whole if usual else launched, PlainArithmetic()),
        "torch's operations, launched one by one": Ways(launched, PlainArithmetic()),
    }


def timed_epochs(training: FusedTraining) -> list[float]:
    """Run to the end and return the seconds of every epoch; its metrics wait for the device."""
    seconds, last = [], time.perf_counter()
    for _ in training.run():
        seconds.append(time.perf_counter() - last)
        last = time.perf_counter()
    return seconds
