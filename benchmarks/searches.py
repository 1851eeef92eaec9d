"""Searches by the trainer for people: a process a job beside the default, which is warm.

Each arm is the whole command `run_two_phase` on this machine, two jobs at a time on one thread each, from the
same data and with an empty store.  The arms take turns; the seconds are medians of the rounds, and every
`metrics.json` must be the same in all of them.

    python -m benchmarks.searches --quick
    python -m benchmarks.searches --wisdm WISDM_ar_v1.1_transformed.arff --json
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from examples import batch_composition, demo, digits_participants, wisdm_participants

ROOT = Path(__file__).resolve().parents[1]
ARMS: dict[str, tuple[str, ...]] = {"process": ("--executor", "process"), "default": ()}
Jobs = list[dict[str, Any]]


@dataclass(frozen=True)
class Search:
    """Jobs, and the folder of their data."""

    name: str
    jobs: Jobs
    data: Path


@dataclass(frozen=True)
class Row:
    """One search, measured under both arms."""

    search: str
    process_s: list[float]
    """Of the whole command, a value a round."""
    default_s: list[float]

    @property
    def ratio(self) -> float:
        """How many times as long a process a job takes."""
        return median(self.process_s) / median(self.default_s)


def digits(folder: Path, experiments: int) -> Search:
    """Return the first experiments of the search over batch compositions on digits' participants."""
    with contextlib.redirect_stdout(io.StringIO()):
        digits_participants.write(folder, demo.PARTICIPANTS)
    found = batch_composition.jobs(str(folder), batch_composition.PARTICIPANTS)[:experiments]
    return Search(f"{experiments} experiments on digits", found, folder)


def wisdm(folder: Path, arff: Path) -> Search:
    """Return the experiments that leave out each of eight people in turn, in every mode."""
    windows = wisdm_participants.read_windows(arff)
    with contextlib.redirect_stdout(io.StringIO()):
        people = wisdm_participants.write_people(folder, windows, 30)
    found = list(wisdm_participants.jobs(str(folder), people[:8]))
    return Search(f"{len(found)} experiments on WISDM", found, folder)


def run(search: Search, flags: Sequence[str], root: Path) -> tuple[float, dict[str, Any]]:
    """Return the seconds of the whole command and the figures of every experiment, by its id."""
    root.mkdir(parents=True)
    (root / "cluster.json").write_text(json.dumps(demo.cluster_config(root) | {"data": {}}))
    (root / "jobs.json").write_text(json.dumps(search.jobs))
    argv = [
        *(sys.executable, "-m", "master.commands.run_two_phase", "--quiet", "--trainer", "personalization"),
        *("--cluster-config", str(root / "cluster.json"), "--jobs-config", str(root / "jobs.json")),
        *("--run-dir", str(root / "run"), *flags),
    ]
    environ = {**os.environ, "TWOPHASE_SLOT_DIR": str(root / "slots")}
    begin = time.perf_counter()
    subprocess.run(argv, cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    found = {
        str(path.parent.relative_to(root / "run")): json.loads(path.read_text(encoding="utf-8"))
        for path in (root / "run" / "experiments").rglob("metrics.json")
    }
    return seconds, found


def measure(search: Search, rounds: int, folder: Path) -> Row:
    """Run both arms by turns; AssertionError where a figure differs."""
    seconds: dict[str, list[float]] = {arm: [] for arm in ARMS}
    figures: dict[str, Any] = {}
    for number in range(rounds):
        for arm, flags in ARMS.items():
            took, found = run(search, flags, folder / f"{arm}-{number}")
            seconds[arm].append(round(took, 2))
            print(f"{search.name}, {arm}: {took:.1f} s", file=sys.stderr, flush=True)
            figures = figures or found
            experiments = sum("base_models" not in name for name in found)
            assert experiments == len(search.jobs), f"{experiments} of {len(search.jobs)} left figures"
            assert found == figures, f"{search.name}: the figures of {arm} differ"
    return Row(search.name, seconds["process"], seconds["default"])


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="six experiments, one round")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--wisdm", type=Path, metavar="FILE", help="WISDM_ar_v1.1_transformed.arff")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        searches = [digits(folder / "digits", 6 if options.quick else 15)]
        if options.wisdm:
            searches.append(wisdm(folder / "wisdm", options.wisdm))
        rounds = 1 if options.quick else options.rounds
        rows = [measure(search, rounds, folder / f"runs-{at}") for at, search in enumerate(searches)]
    ratios = {f"{row.search}: process over default": round(row.ratio, 2) for row in rows}
    if options.json:
        facts = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0], "results": "equal"}
        print(json.dumps({**facts, "rows": [asdict(row) for row in rows], "ratios": ratios}, indent=2))
        return 0
    print("| search | process s | default s | ratio | results |\n| --- | ---: | ---: | ---: | --- |")
    for row in rows:
        times = f"{median(row.process_s):.1f} | {median(row.default_s):.1f} | {row.ratio:.2f}"
        print(f"| {row.search} | {times} | equal |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
