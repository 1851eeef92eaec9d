"""Arms of the benchmark of quality for tables: every model on real tables, and what splits and intervals do.

Each seed draws its own split and its own weights, so that the intervals are of both.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes

from trainers.tabular.data.dataset import Dataset, Rows
from trainers.tabular.data.loading import load
from trainers.tabular.evaluation.classification import class_figures
from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.evaluation.coverage import coverages
from trainers.tabular.evaluation.intervals import Interval, interval
from trainers.tabular.evaluation.regression import regression_figures
from trainers.tabular.request import Request
from trainers.tabular.results.predictions import Prediction, Values
from trainers.tabular.results.surrogate import Surrogate
from trainers.tabular.run import train
from trainers.tabular.running.source import source_of
from trainers.tabular.settings import MODELS, PMSSM_INPUTS, Settings
from trainers.tabular.trees import fit_default

Array = NDArray[Any]
Table = dict[str, dict[str, Interval]]
PARKINSONS = "total_UPDRS"
SPLITS = 20
"""Over which the coverage of intervals is averaged."""
REFERENCES = ("realmlp", "tabm")
TABLES = ("diabetes", "cancer", "parkinsons", "diamonds", "scan", "persons", "people")
"""`persons`: each of Parkinson's, `people`: each of WISDM."""


@dataclass(frozen=True)
class Task:
    """A table in a file, and what is asked of it."""

    name: str
    path: Path
    settings: Mapping[str, Any]
    metrics: tuple[str, ...]
    """Those of the report that are shown."""
    tree: str | None = None
    """In ROOT files."""


@dataclass(frozen=True)
class Effort:
    """How much is trained."""

    seeds: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    members: int = 1
    """That predict together, of the people's models."""


def scikit_learn_tasks(folder: Path) -> list[Task]:
    """Write the two tables that come with scikit-learn."""
    found = []
    for name, loaded, metrics in (
        ("diabetes", load_diabetes(), ("rmse", "r2")),
        ("breast cancer", load_breast_cancer(), ("accuracy", "auc", "log_loss")),
    ):
        path = folder / f"{name.replace(' ', '_')}.csv"
        header = [*(str(one).replace(" ", "_") for one in loaded.feature_names), "target"]
        write_csv(path, header, np.column_stack([loaded.data, loaded.target]).tolist())
        found.append(Task(name, path, {"targets": ("target",)}, metrics))
    return found


def parkinsons_tasks(folder: Path, source: Path, rows: int | None) -> list[Task]:
    """Write Parkinson's telemonitoring (42 people, 5,875 recordings), to be split at random and by person."""
    header, *lines = read_csv(source)
    path = folder / "parkinsons.csv"
    write_csv(path, header, thinned(lines, rows))
    settings = {"targets": (PARKINSONS,), "exclude": ("motor_UPDRS",), "group": "subject#"}
    metrics = ("rmse", "r2")
    return [
        Task(f"Parkinson's, split {how}", path, {**settings, "split": split}, metrics)
        for how, split in (("at random", "random"), ("by person", "group"))
    ]


def diamonds_task(folder: Path, source: Path, rows: int | None) -> Task:
    """Write the prices of 53,940 diamonds, or of some of them."""
    header, *lines = read_csv(source)
    path = folder / "diamonds.csv"
    write_csv(path, header, thinned(lines, rows))
    settings = {"targets": ("price",), "target_transform": ("log",)}
    return Task("diamonds", path, settings, ("rmse", "mape", "within_10"))


def read_csv(path: Path) -> list[list[str]]:
    """Return the lines of a file with commas."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [line for line in csv.reader(stream) if line]


def write_csv(path: Path, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Write a file with commas."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(lines)


def thinned(lines: list[list[str]], rows: int | None) -> list[list[str]]:
    """Return so many lines, drawn at random, in their order."""
    if rows is None or rows >= len(lines):
        return lines
    chosen = np.random.default_rng(0).permutation(len(lines))[:rows]
    return [lines[number] for number in sorted(chosen)]


def measured(task: Task, effort: Effort) -> Table:
    """Train every model with every seed and return the figures, the first target's where there are more."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(effort.seeds):
        for model, figures in one_run(task, effort, seed).items():
            told(f"{task.name}, seed {seed}, {model}: {figures}")
            for name, value in figures.items():
                found[model][name].append(value)
    return {
        model: {name: interval(values) for name, values in columns.items()}
        for model, columns in found.items()
    }


def one_run(task: Task, effort: Effort, seed: int) -> dict[str, dict[str, float]]:
    """Train all models once, by the command's own path, and return their figures."""
    with tempfile.TemporaryDirectory() as folder:
        request = asked(task, {**effort.settings, **_seeded(seed)}, Path(folder))
        models = train(request, lambda line: None)["models"]
    shown = (*task.metrics, "seconds")
    return {model: {name: float(value[name]) for name in shown} for model, value in models.items()}


def pmssm_task(folder: Path, rows: int) -> Task:
    """Write two made-up ROOT files in the layout of a pMSSM scan, a tenth of the rows without target."""
    import uproot

    random = np.random.default_rng(0)
    for number in range(2):
        inputs = {name: random.uniform(-1, 1, rows // 2).astype(np.float32) for name in PMSSM_INPUTS}
        x = np.stack([*inputs.values()], 1).astype(np.float64)
        depth = np.abs(x[:, 10] - 0.6 * x[:, 12]) + 0.3 * x[:, 18] + 0.2 * x[:, 0] * x[:, 1]
        omega = np.where(random.random(len(x)) < 0.1, -1.0, 0.9 / (1 + np.exp(3 - 5 * depth)))
        with uproot.recreate(folder / f"scan_{number}.root") as file:
            file.mktree("susy", {**dict.fromkeys(inputs, "float32"), "MO_Omega": "float32"})
            file["susy"].extend({**inputs, "MO_Omega": omega.astype(np.float32)})
    settings = {"features": PMSSM_INPUTS, "targets": ("MO_Omega",), "valid": ("MO_Omega=..1,!-1",)}
    metrics = ("rmse", "r2", "mape", "within_10")
    return Task("made-up pMSSM scan (ROOT)", folder / "scan_*.root", settings, metrics, "susy")


def coverage_table(tasks: Sequence[Task], splits: int) -> Table:
    """Return what 90 % and other intervals of boosted trees cover, over so many splits.

    Trees are cheap, and split conformal intervals promise the same whatever the model is.
    """
    table: Table = {}
    for task in tasks:
        each = [covered(task, seed) for seed in range(splits)]
        table[task.name] = {f"{100 * level:g} %": interval([one[level] for one in each]) for level in each[0]}
    return table


def covered(task: Task, seed: int) -> dict[float, float]:
    """Fit boosted trees to one split and return the coverage of the first target's intervals in per cent."""
    dataset = load(source_of(asked(task, {"split_seed": seed}, Path("unused")))).dataset
    fitted = fit_default(dataset, seed)
    conformal = Conformal.fit(dataset.val.targets.numpy(), fitted.predict(dataset.val))
    found = coverages(conformal, dataset.test.targets.numpy(), fitted.predict(dataset.test))
    return {level: 100 * float(shares[0]) for level, shares in found.items()}


def asked(task: Task, settings: Mapping[str, Any], folder: Path) -> Request:
    """Return the request of one training on a task."""
    return Request(
        Settings(**{**task.settings, **settings}),
        (str(task.path),),
        folder / "output",
        folder / "checkpoints",
        tree=task.tree,
        device="cpu",
        plots=False,
        num_workers=1,
    )


def tables(flags: argparse.Namespace) -> dict[str, Table]:
    """Run what the flags of `benchmarks.quality` ask for, and return a table for each task."""
    effort = effort_of(flags)
    with tempfile.TemporaryDirectory() as folder:
        tasks = tasks_of(flags, Path(folder))
        found = {}
        for task in tasks:
            found[task.name] = measured(task, effort)
            told(f"{task.name}: done")
        values = [task for task in tasks if "rmse" in task.metrics]
        if values and flags.splits:
            found["coverage of trees, in per cent"] = coverage_table(values, flags.splits)
        if flags.peers_python:
            for task in filter(_has_reference, tasks):
                found[f"{task.name}, beside the reference"] = references(task, effort, flags.peers_python)
    return found


def _has_reference(task: Task) -> bool:
    """Return whether the references are asked too: those that have only numbers, each table once."""
    return task.name in ("diabetes", "breast cancer") or "at random" in task.name


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add what is said of tables alone."""
    parser.add_argument("--parkinsons", type=Path, metavar="FILE", help="parkinsons_updrs.data")
    parser.add_argument("--diamonds", type=Path, metavar="FILE", help="diamonds.csv of plotnine's wheel")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES, help="only these")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="of tables")
    parser.add_argument("--epochs", type=int, help="of networks of tables at most; left out: their recipes'")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of networks")
    parser.add_argument("--members", type=int, default=1, help="that predict together, of people's tables")
    parser.add_argument("--rows", type=int, help="drawn of each named file; left out: all")
    parser.add_argument("--splits", type=int, default=SPLITS, help="that coverage is averaged over; 0: none")
    parser.add_argument(
        "--peers-python", type=Path, help="a Python with pytabkit: TabM and RealMLP beside their references"
    )


def effort_of(flags: argparse.Namespace) -> Effort:
    """Return how much is trained: with `--quick` one network and the trees for some epochs."""
    if flags.quick:
        return Effort(2, {"models": ("realmlp", "trees"), "epochs": 16})
    settings: dict[str, Any] = {"models": tuple(flags.models), "precision": flags.precision}
    return Effort(flags.seeds, settings | ({"epochs": flags.epochs} if flags.epochs else {}), flags.members)


def tasks_of(flags: argparse.Namespace, folder: Path) -> list[Task]:
    """Return the tables that are there: those of files where the files are named."""
    found = [task for task in scikit_learn_tasks(folder) if task.name.split()[-1] in flags.tables]
    if flags.quick:
        return found
    if flags.parkinsons and "parkinsons" in flags.tables:
        found += parkinsons_tasks(folder, flags.parkinsons, flags.rows)
    if flags.diamonds and "diamonds" in flags.tables:
        found.append(diamonds_task(folder, flags.diamonds, flags.rows))
    return [*found, pmssm_task(folder, flags.rows or 5000)] if "scan" in flags.tables else found


def told(line: str) -> None:
    """Show what is done so far."""
    print(line, file=sys.stderr, flush=True)


def flattery(tables: Mapping[str, Table]) -> dict[str, float]:
    """Return by which factor the error of each model is larger for people that it has not met."""
    random, people = (tables.get(f"Parkinson's, split {how}") for how in ("at random", "by person"))
    if random is None or people is None:
        return {}
    return {
        f"Parkinson's, {model}: RMSE by person over at random": people[model]["rmse"].mean / row["rmse"].mean
        for model, row in random.items()
    }


def references(task: Task, effort: Effort, python: Path) -> Table:
    """Return our TabM and RealMLP beside the reference package, on the same splits and targets."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(effort.seeds):
        with tempfile.TemporaryDirectory() as folder:
            request = asked(task, {**effort.settings, **_seeded(seed), "models": REFERENCES}, Path(folder))
            train(request, lambda line: None)
            dataset = load(source_of(request)).dataset
            for model in REFERENCES:
                ours = Surrogate.load(request.output_dir / model).predict_rows(dataset.test)
                theirs = _reference(dataset, model, seed, (Path(folder), python))
                for arm, values in ((f"{model}, ours", _plain(ours)), (f"{model}, reference", theirs)):
                    told(f"{task.name}, seed {seed}, {arm}: {_error(dataset, values)}")
                    for name, value in _error(dataset, values).items():
                        found[arm][name].append(value)
    return {arm: {name: interval(one) for name, one in row.items()} for arm, row in found.items()}


def _seeded(seed: int) -> dict[str, Any]:
    return {"seeds": (seed,), "split_seed": seed}


def _reference(dataset: Dataset, model: str, seed: int, where: tuple[Path, Path]) -> Array:
    """Return what the reference says of the test rows, in the units of the target."""
    folder, python = where
    targets = dataset.train.targets.numpy()
    shift, scale = (targets.mean(), targets.std()) if dataset.problem.kind == "regression" else (0.0, 1.0)
    arrays = {}
    for name in ("train", "val", "test"):
        rows = getattr(dataset, name)
        arrays |= {f"X_{name}": rows.numeric.numpy(), f"y_{name}": _scaled(rows, shift, scale)}
    path = folder / "split.npz"
    np.savez(path, classes=len(dataset.problem.classes), **arrays)
    script = Path(__file__).with_name("quality_tabular_peers.py")
    command = [str(python), "-W", "ignore", str(script), str(path), model, str(seed)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    found: Array = np.load(path.with_suffix(f".{model}.npy"))
    return found if dataset.problem.classes else found.reshape(len(found), -1) * scale + shift


def _scaled(rows: Rows, shift: float, scale: float) -> Array:
    values = rows.targets.numpy()
    return values if values.ndim == 1 else ((values - shift) / scale)[:, 0]


def _plain(prediction: Prediction) -> Array:
    return prediction.mean if isinstance(prediction, Values) else prediction.probabilities


def _error(dataset: Dataset, predicted: Array) -> dict[str, float]:
    truth = dataset.test.targets.numpy()
    if dataset.problem.classes:
        return {name: class_figures(truth, predicted)[name] for name in ("accuracy", "auc", "log_loss")}
    return {name: regression_figures(truth[:, 0], predicted[:, 0])[name] for name in ("rmse", "r2")}
