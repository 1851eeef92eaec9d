"""Networks for tables: our training against the usual ways, members stacked against one after the other.

    python -m benchmarks.tabular --quick
    python -m benchmarks.tabular --json --peers-python /path/to/python/with/pytabkit
    python -m benchmarks.tabular --device cuda

Every network is trained in Lightning with a DataLoader, by a plain loop over rows in memory, and by ours: in
one process, an epoch of each in turn, so that what else the machine does meets all of them; times are
medians.  `--peers-python` names an interpreter that has `pytabkit` 1.7: its eight stacked folds of RealMLP
are trained in turn with ours, on the same rows, folds, widths, epochs and batches.  The rows are made
(Friedman's function of five of nineteen columns, and noise): they tell times, and one error beside the
other.  On CUDA the three networks of the pMSSM are measured; without a GPU the same script makes a trial run
on the CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks import tabular_arms, tabular_cuda, tabular_folds
from trainers.tabular.models.registry import MODELS

QUICK = {"steps": 3, "rounds": 2, "epochs": 6, "rows": 2048, "runs": 1}
FULL = {"steps": 12, "rounds": 7, "epochs": 48, "rows": 4096, "runs": 3}
GOALS = {
    "mlp: ours over lightning": 2.0,
    "mlp of 128: stacked over in turn": 1.4,
    "realmlp: folds, ours over pytabkit": 1.2,
    **{f"{name}: ours over plain": 1.0 for name in MODELS},
}
"""What a ratio should reach; told beside it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, and return the exit code."""
    asked = _parsed(argv)
    if asked.folds:
        print(json.dumps(tabular_folds.ours(asked.folds, asked.epochs)))
        return 0
    if asked.packed:
        print(json.dumps(tabular_cuda.packed(asked.packed, asked.steps)))
        return 0
    table = sys.stderr if asked.json else sys.stdout
    on_gpu = asked.device == "cuda"
    figures = tabular_cuda.measured(asked.steps, table) if on_gpu else measured(asked, table)
    if asked.json:
        print(json.dumps(figures, indent=2))
    return 0


def measured(asked: argparse.Namespace, table: Any) -> dict[str, Any]:
    """Measure all arms on the CPU."""
    print(
        f"{torch.get_num_threads()} threads, {asked.steps} steps an epoch, {asked.rounds} rounds", file=table
    )
    times: dict[str, Mapping[str, float]] = {}
    for case in tabular_arms.CASES:
        if asked.models and case.name not in asked.models:
            continue
        own = times[case.label] = tabular_arms.step_times(case, asked.steps, asked.rounds)
        told = "  ".join(f"{arm} {seconds * 1e3:8.2f} ms" for arm, seconds in own.items())
        print(f"{case.label:20} {told}", file=table, flush=True)
    ratios = {key: value for name, arms in times.items() for key, value in _ratios(name, arms).items()}
    missing = [] if tabular_arms.has_lightning() else ["lightning"]
    folds: dict[str, Any] = {}
    if asked.peers_python and "realmlp" in times:
        folds = tabular_folds.against_pytabkit(asked.peers_python, asked.rows, asked.epochs, asked.runs)
        ratios |= folds["ratios"]
    else:
        missing.append("pytabkit (--peers-python)")
    for key, ratio in ratios.items():
        goal = f"  (goal {GOALS[key]:g})" if key in GOALS else ""
        print(f"{key:44} {ratio:6.3f}{goal}", file=table)
    print(f"not measured: {', '.join(missing) or 'none'}", file=table)
    return {"step_seconds": times, "folds": folds, "ratios": ratios, "not_measured": missing}


def _ratios(name: str, arms: Mapping[str, float]) -> dict[str, float]:
    found = {
        f"{name}: ours over {arm}": arms[arm] / arms["ours"] for arm in ("lightning", "plain") if arm in arms
    }
    if "stacked" in arms:
        found[f"{name}: stacked over in turn"] = arms["ours"] / arms["stacked"]
    return {key: round(value, 3) for key, value in found.items()}


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.tabular", description=__doc__)
    for name, value in FULL.items():
        parser.add_argument(f"--{name}", type=int, help=f"{value}, with --quick {QUICK[name]}")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), help="only these")
    parser.add_argument("--quick", action="store_true", help="few steps, under a minute")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, the table to stderr")
    parser.add_argument("--peers-python", help="an interpreter that has pytabkit")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--folds", help=argparse.SUPPRESS)
    parser.add_argument("--packed", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    for name, value in (QUICK if asked.quick else FULL).items():
        setattr(asked, name, getattr(asked, name) or value)
    return asked


if __name__ == "__main__":
    sys.exit(main())
