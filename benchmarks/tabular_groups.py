"""Sibling jobs of a table, two seeds on four folds: as a group, beside one after the other in one process.

    python -m benchmarks.tabular_groups --rounds 3

Both ways by turns on one thread, in seconds of CPU time, which a busy machine changes less than others.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.fused_worker import Job
from benchmarks.tabular_arms import rows
from trainers.tabular.thread_main import group_main

KINDS: Mapping[str, tuple[str, ...]] = {
    "mlp of 16,000 weights": ("mlp", "--sizes", "mlp.hidden=64", "mlp.embedding=4", "--epochs", "10"),
    "realmlp of 137,000 weights": ("realmlp", "--epochs", "4"),
    "transformer": ("transformer", "--sizes", "transformer.width=32", "--epochs", "1"),
    "trees": ("trees",),
}
WAYS = ("together", "in turn")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--only", nargs="+", default=[*KINDS])
    given = parser.parse_args()
    print(json.dumps({kind: measured(kind, given.rows, given.rounds) for kind in given.only}, indent=2))


def measured(kind: str, count: int, rounds: int) -> dict[str, Any]:
    """Return seconds of CPU time by way, how many times as fast a group is, and how far figures differ."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    errors: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.csv"
        _write(data, count)
        for number in range(rounds):
            for way in WAYS if number % 2 else reversed(WAYS):
                took, errors[way] = _trained(kind, data, Path(folder) / f"{number} {way}", way)
                seconds[way].append(took)
    together, in_turn = (statistics.median(seconds[way]) for way in WAYS)
    apart = max(abs(one / other - 1) for one, other in zip(*errors.values(), strict=True))
    return {"seconds": seconds, "times as fast": round(in_turn / together, 2), "largest difference": apart}


def _trained(kind: str, data: Path, output: Path, way: str) -> tuple[float, list[float]]:
    with Path(os.devnull).open("w", encoding="utf-8") as nobody:
        jobs = [
            Job(_flags(kind, data, output / f"{seed}_{fold}", seed, fold), nobody)
            for seed in range(2)
            for fold in range(4)
        ]
        started = time.process_time()
        for group in [jobs] if way == WAYS[0] else [[job] for job in jobs]:
            group_main(group)
        took = time.process_time() - started
    if any(job.code for job in jobs):
        raise SystemExit(f"{kind}: jobs failed with exit codes {[job.code for job in jobs]}")
    found = sorted(output.glob("*/metrics.json"))
    return took, [float(json.loads(path.read_text(encoding="utf-8"))["rmse"]) for path in found]


def _flags(kind: str, data: Path, output: Path, seed: int, fold: int) -> Sequence[str]:
    model, *own = KINDS[kind]
    return [
        *("--data", str(data), "--targets", "y", "--models", model, *own, "--output-dir", str(output)),
        *("--folds", "4", "--fold", str(fold), "--seed", str(seed), "--device", "cpu"),
        *("--num-workers", "1", "--no-plots", "--prepared-cache", "off"),
    ]


def _write(path: Path, count: int) -> None:
    made = rows(count)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*(f"x{place}" for place in range(made.numeric.shape[1])), "y"])
        writer.writerows(
            [*x, *y[:1]] for x, y in zip(made.numeric.tolist(), made.targets.tolist(), strict=True)
        )


if __name__ == "__main__":
    main()
