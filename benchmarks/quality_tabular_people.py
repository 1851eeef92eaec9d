"""Does a base model over other people, fitted to one person, beat a forest of that person's own rows?

WISDM's features as a table; each of the people with most windows is left out of a base model once, which is
then fitted to that person's training and validation windows and scored on the test windows, like the forest
of `benchmarks.quality_people`.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality_people import People, figures
from benchmarks.quality_tabular import Effort, Table, Task, asked, write_csv
from trainers.tabular.evaluation.intervals import interval
from trainers.tabular.results.surrogate import Surrogate
from trainers.tabular.run import train

SPLITS = ("train", "val", "test")
Figures = tuple[float, float]


def people_tables(people: People, effort: Effort, models: Sequence[str]) -> Table:
    """Return accuracy and F1 of each model in each way, means over people; intervals over seeds."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(effort.seeds):
            each = [_person(people, name, effort, seed, (models, Path(folder))) for name in people.names]
            for arm in each[0]:
                accuracy, f1 = np.mean([one[arm] for one in each], axis=0).tolist()
                found[arm]["accuracy"].append(accuracy)
                found[arm]["F1"].append(f1)
    return {arm: {name: interval(values) for name, values in row.items()} for arm, row in found.items()}


def _person(
    people: People, name: str, effort: Effort, seed: int, what: tuple[Sequence[str], Path]
) -> dict[str, Figures]:
    """Return the figures of one person: alone, by the others' base model, and by it fitted to the person."""
    models, folder = what
    path = folder / f"{name}.csv"
    write_rows(path, people, name)
    settings = {"targets": ("activity",), "group": "person", "problem": "multiclass", "split": "given"}
    task = Task(name, path, {**settings, "split_column": "part", "constant": "drop"}, ())
    seeds = tuple(range(seed * effort.members, (seed + 1) * effort.members))
    seeded = {**effort.settings, "seeds": seeds, "models": tuple(models)}
    place = folder / f"{name}-{seed}"
    alone = asked(task, {**seeded, "only_groups": (name,)}, place / "alone")
    base = replace(asked(task, seeded, place / "base"), target_group=name, is_base=True)
    fitted = replace(asked(task, seeded, place / "fitted"), target_group=name, start=base.output_dir)
    found: dict[str, Figures] = {}
    for way, request in (("alone", alone), ("others", base), ("others, then fitted", fitted)):
        train(request, lambda line: None)
        for model in models:
            found[f"{model}, {way}"] = scored(people, name, Surrogate.load(request.output_dir / model))
    return found


def scored(people: People, name: str, surrogate: Surrogate) -> Figures:
    """Return accuracy and F1 on a person's test windows, as the personalisation counts them."""
    X, truth = people.load([name], ("test",))
    said = surrogate.predict({f"f{place}": column for place, column in enumerate(X.T)})
    probabilities = np.zeros((len(truth), people.n_classes))
    for place, one in enumerate(said.names):  # type: ignore[union-attr]
        probabilities[:, int(one)] = said.probabilities[:, place]  # type: ignore[union-attr]
    return figures(people, truth, probabilities)


def write_rows(path: Path, people: People, own: str) -> None:
    """Write all windows as rows: person, part, activity, features.

    The person's validation windows are trained on too, as the forest's are; they stand in the file twice.  Of
    the others every window but the validation ones is trained on.
    """
    lines: list[list[Any]] = []
    for name in people.names:
        for split in SPLITS:
            X, y = people.load([name], (split,))
            for part in _parts(split, name == own):
                lines += [[name, part, int(c), *x.tolist()] for x, c in zip(X, y, strict=True)]
    width = len(lines[0]) - 3
    write_csv(path, ["person", "part", "activity", *(f"f{place}" for place in range(width))], lines)


def _parts(split: str, own: bool) -> tuple[str, ...]:
    if split == "val":
        return ("train", "val") if own else ("val",)
    return ("train",) if split == "test" and not own else (split,)
