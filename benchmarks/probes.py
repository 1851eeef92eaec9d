"""All probes of a layer at once, beside training them one by one and beside scikit-learn.

Every arm runs in a process of its own on the same data, with the same epochs, batches, dropout and validation
after each epoch; rounds of all arms are interleaved and the median of each arm is reported.  Arms that would
take minutes train some of the probes, and their time is scaled to all of them: the table says how many.

    python -m benchmarks.probes --quick
    python -m benchmarks.probes --features 1024 4096 --rounds 3 --json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier

from trainers.probes.exact import ExactSolver
from trainers.probes.fused import FusedTraining, product_threads
from trainers.probes.hdf5 import SPLITS, open_activations
from trainers.probes.labels import read_targets
from trainers.probes.layer import Layer
from trainers.probes.loading import load_rows
from trainers.probes.one_by_one import OneByOneTraining
from trainers.probes.rows import ResidentRows
from trainers.probes.run import resolve_device
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

COMPARISONS = {
    "fused float32 over the best dataloader arm": ("dataloader", "fused float32"),
    "fused bfloat16 over the best dataloader arm": ("dataloader", "fused bfloat16"),
    "fused float32 over in memory, one by one": ("in memory, one by one", "fused float32"),
    "8 threads over one by one, with dataloader": ("dataloader, one by one", "dataloader, 8 threads"),
    "time of 8 rates over time of 1, float32": ("fused float32, 8 rates", "fused float32"),
    "time of 8 rates over time of 1, bfloat16": ("fused bfloat16, 8 rates", "fused bfloat16"),
    "exact solver over LogisticRegression": ("LogisticRegression, n_jobs=2", "exact solver"),
}
"""Name of a ratio: the (best) arm above the line, the arm below it."""


def run_arm(name: str, path: Path, size: Size) -> Measured:
    """Run one arm in this process and add its memory."""
    measured = ARMS[name](path, size)
    own = Path("/proc/self")
    children = [int(child) for tasks in own.glob("task/*/children") for child in tasks.read_text().split()]
    return replace(measured, peak_mib=sum(peak_mib(process) for process in [os.getpid(), *children]))


def peak_mib(process: int) -> float:
    """Return the most memory that a process has had resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def spawn_arm(name: str, path: Path, quick: bool) -> Measured:
    """Run one arm in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.probes", "--arm", name, "--data", str(path)]
    # As trainers.probes sets it, for every arm alike: torch's threads do not spin for long.
    environment = {"GOMP_SPINCOUNT": "4000", **os.environ}
    command += ["--quick"] if quick else []
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"arm {name!r} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout))


def rounds(path: Path, count: int, quick: bool) -> Iterator[dict[str, Measured]]:
    """Yield the results of one round of all arms after the other."""
    for number in range(1, count + 1):
        results = {}
        for name in ARMS:
            print(f"  round {number}: {name}", file=sys.stderr, flush=True)
            results[name] = spawn_arm(name, path, quick)
        yield results


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
    seconds = timed_epochs(FusedTraining(layer, settings, range(size.classes)))
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
        "seconds_to_read_at_3.35_TB_per_s": rows * features * 2 / 3.35e12,
        "ratios": {"45 probes by 8 threads over fused with 8 rates, an epoch": threads / median(seconds)},
    }


def timed_epochs(training: FusedTraining) -> list[float]:
    """Run to the end and return the seconds of every epoch; its metrics wait for the device."""
    seconds, last = [], time.perf_counter()
    for _ in training.run():
        seconds.append(time.perf_counter() - last)
        last = time.perf_counter()
    return seconds


def medians(results: Sequence[dict[str, Measured]]) -> dict[str, Measured]:
    """Return each arm with its median time and memory."""
    return {
        name: replace(
            last,
            seconds=median(one[name].seconds for one in results),
            cpu_seconds=median(one[name].cpu_seconds for one in results),
            peak_mib=median(one[name].peak_mib for one in results),
        )
        for name, last in results[-1].items()
    }


def ratios(arms: dict[str, Measured]) -> dict[str, float]:
    """Return every comparison; an arm above the line is the fastest whose name begins so."""
    found = {}
    for title, (above, below) in COMPARISONS.items():
        best = min(arm.seconds for name, arm in arms.items() if name.startswith(above))
        found[title] = best / arms[below].seconds
    return found


def worse_objectives(arms: dict[str, Measured]) -> int:
    """Count the probes on which the exact solver's objective is above scikit-learn's."""
    pairs = zip(arms["exact solver"].objectives, arms["LogisticRegression, n_jobs=2"].objectives, strict=True)
    return sum(mine > theirs * (1 + 1e-9) for mine, theirs in pairs)


def report(features: int, size: Size, arms: dict[str, Measured]) -> None:
    """Print one table."""
    print(f"\nN = {size.n_train}, D = {features}, {size.classes} probes, batch 512; seconds for all probes")
    print(f"{'arm':<30} {'seconds':>9} {'CPU s':>9} {'peak MiB':>9}  timed")
    for name, arm in arms.items():
        print(f"{name:<30} {arm.seconds:>9.3f} {arm.cpu_seconds:>9.3f} {arm.peak_mib:>9.0f}  {arm.note}")
    for title, value in ratios(arms).items():
        print(f"  {title}: {value:.1f}")
    print(f"  probes on which the exact solver's objective is worse: {worse_objectives(arms)}")


def compare(features: int, size: Size, count: int, quick: bool, quiet: bool) -> dict[str, Any]:
    """Run all arms at one width and return what they gave."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "activations.h5"
        make_data(path, features, size)
        arms = medians(list(rounds(path, count, quick)))
    if not quiet:
        report(features, size, arms)
    return {
        "ratios": ratios(arms),
        "worse_objectives": worse_objectives(arms),
        "arms": {name: asdict(arm) for name, arm in arms.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison that the flags ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small data, one round, under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--features", type=int, nargs="+", help="widths (default 1024 4096)")
    parser.add_argument("--rounds", type=int, default=None, help="rounds of all arms (default 3, quick 1)")
    parser.add_argument("--device", help="instead: 360 columns on this accelerator, for example cuda")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="with --device: examples (default 1,000,000)"
    )
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    flags = parser.parse_args(argv)
    size = QUICK if flags.quick else Size()
    if flags.arm:
        print(json.dumps(asdict(run_arm(flags.arm, flags.data, size))))
        return 0
    if flags.device:
        width, epochs = (flags.features or [4096])[0], 2 if flags.quick else 50
        print(json.dumps(on_device(resolve_device(flags.device), flags.rows, width, epochs), indent=2))
        return 0
    widths = flags.features or ([256] if flags.quick else [1024, 4096])
    count = flags.rounds or (1 if flags.quick else 3)
    results = {width: compare(width, size, count, flags.quick, flags.json) for width in widths}
    if flags.json:
        named = {
            f"D={width}: {name}": value
            for width, one in results.items()
            for name, value in one["ratios"].items()
        }
        print(json.dumps({"ratios": named, "results": {str(width): one for width, one in results.items()}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
