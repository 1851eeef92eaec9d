"""Does a base model over all other people, fitted to one, help that one, where a number is predicted?

Parkinson's telemonitoring: each of the 42 people is left out of a base model once, which is then fitted to
the first 60 % of that person's recordings; all ways are scored on the last 20 %, by root mean squared error.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality_tabular import PARKINSONS, Effort, Table, Task, asked, told, write_csv
from examples.tabular_people import PART, Row, divided, read_rows
from trainers.tabular.evaluation.intervals import interval
from trainers.tabular.results.predictions import Values
from trainers.tabular.results.surrogate import Surrogate
from trainers.tabular.run import train

PERSON = "subject#"
MODEL = "mlp"
SETTINGS = {
    "targets": (PARKINSONS,),
    "exclude": ("motor_UPDRS",),
    "group": PERSON,
    "split": "given",
    "split_column": PART,
    "constant": "drop",
    "sizes": ("mlp.hidden=128",),
    "learning_rates": (1e-3,),
    "tune_learning_rate": 1e-3,
    "early_stopping": True,
    "patience": 15,
}
"""As the jobs of `examples.tabular_people` have them."""
FEWEST = 30


def parkinsons_people(source: Path, effort: Effort) -> Table:
    """Return the error of each way over the people: its mean with an interval, and its median."""
    rows, people = divided(read_rows(source), PERSON, PARKINSONS, FEWEST)
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write_csv(path, [*rows[0]], [[*row.values()] for row in rows])
        for name in people:
            own = [row for row in rows if row[PERSON] == name]
            errors = {"mean of the person's rows": _mean_error(own)} | _errors(path, name, own, effort)
            told(f"Parkinson's, person {name}: {errors}")
            for way, error in errors.items():
                found[way].append(error)
    best = [min(errors, key=errors.__getitem__) for errors in _by_person(found)]
    return {
        way: {
            "RMSE": interval(errors),
            "median": interval([float(np.median(errors))] * 2),
            "people best of": interval([float(best.count(way))] * 2),
        }
        for way, errors in found.items()
    }


def _by_person(found: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    return [dict(zip(found, errors, strict=True)) for errors in zip(*found.values(), strict=True)]


def _errors(path: Path, name: str, own: Sequence[Row], effort: Effort) -> dict[str, float]:
    task = Task(name, path, SETTINGS, ())
    with tempfile.TemporaryDirectory() as folder:
        seeded = {**effort.settings, "seeds": (0,), "models": (MODEL,)}
        alone = asked(task, {**seeded, "only_groups": (name,)}, Path(folder) / "alone")
        base = replace(asked(task, seeded, Path(folder) / "base"), target_group=name, is_base=True)
        fitted = replace(
            asked(task, seeded, Path(folder) / "fitted"), target_group=name, start=base.output_dir
        )
        trees = asked(task, {**seeded, "models": ("trees",), "only_groups": (name,)}, Path(folder) / "trees")
        ways = {"the person alone": alone, "the others": base, "the others, then fitted": fitted}
        found = {}
        for way, request in ways.items():
            train(request, lambda line: None)
            found[f"MLP, {way}"] = _error(Surrogate.load(request.output_dir / MODEL), own)
        found["trees, the person alone"] = train(trees, lambda line: None)["models"]["trees"]["rmse"]
    return found


def _error(surrogate: Surrogate, own: Sequence[Row]) -> float:
    """Return the error on a person's test rows."""
    test = [row for row in own if row[PART] == "test"]
    columns = {name: [float(row[name]) for row in test] for name in surrogate.model.spec.columns.names}
    said = surrogate.predict(columns)
    assert isinstance(said, Values)
    return _rmse(said.mean[:, 0], test)


def _mean_error(own: Sequence[Row]) -> float:
    """Return the error of who knows only what the person had in the training rows."""
    known = [float(row[PARKINSONS]) for row in own if row[PART] == "train"]
    return _rmse(np.array(np.mean(known)), [row for row in own if row[PART] == "test"])


def _rmse(said: np.ndarray, test: Sequence[Row]) -> float:
    truth = np.array([float(row[PARKINSONS]) for row in test])
    return float(np.sqrt(np.mean((said - truth) ** 2)))
