"""How true the time is that a run says it still takes, and how often its range holds what came.

Runs of several shapes are simulated, one is really done on this machine, and journals may be given.  Each is
replayed and asked, at a tenth, a quarter, half, three quarters and nine tenths of its time, how long it still
takes.  An error is the share of the true time by which the word was wrong; the naive word is the time so far
for each job that has ended.

    python -m benchmarks.eta
    python -m benchmarks.eta --quick --json
    python -m benchmarks.eta ~/searches/7 ~/searches/8
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.eta.real import local_run, read
from benchmarks.eta.replay import Word, words
from benchmarks.eta.shapes import SHAPES

SEEDS, QUICK_SEEDS = 20, 3
EXPERIMENTS, QUICK_EXPERIMENTS = 120, 40


@dataclass(frozen=True)
class Score:
    """How the words about runs of a shape compare with what came."""

    error: float
    """Median over the words."""
    naive_error: float
    """Of the naive word, where that says something."""
    covered: float
    """The share of ranges that hold what came; 0.8 is meant."""
    width: float
    """Median length of the range, as a share of the true time."""
    silent: float
    """The share of questions without an answer …"""
    naive_silent: float
    """… and of those without a naive one."""


def score(said: Iterable[Word]) -> Score:
    """Return how true words are."""
    said = list(said)
    ours = [(word.left, word.true_s) for word in said if word.left]
    naive = [abs(word.naive_s - word.true_s) / word.true_s for word in said if word.naive_s is not None]
    return Score(
        median([abs(left.middle_s - true) / true for left, true in ours] or [float("nan")]),
        median(naive or [float("nan")]),
        sum(left.low_s <= true <= left.high_s for left, true in ours) / max(len(ours), 1),
        median([(left.high_s - left.low_s) / true for left, true in ours] or [float("nan")]),
        1 - len(ours) / len(said),
        1 - len(naive) / len(said),
    )


def measured(folders: Iterable[Path], *, quick: bool) -> Iterator[tuple[str, list[Word]]]:
    """Yield the words about each shape, about a real run, and about the runs in `folders`."""
    for name, make in SHAPES.items():
        yield (
            name,
            [word for seed in range(QUICK_SEEDS if quick else SEEDS) for word in words(make(Random(seed)))],
        )
    with tempfile.TemporaryDirectory() as place:
        yield (
            "a real run here",
            list(words(local_run(Path(place), QUICK_EXPERIMENTS if quick else EXPERIMENTS))),
        )
    for folder in folders:
        yield str(folder), list(words(read(folder)))


def main() -> None:
    """Measure, and print a table or an object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eta", description=__doc__)
    parser.add_argument(
        "folders", nargs="*", type=Path, help="run directories whose journals are replayed too"
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SEEDS} runs of each shape, not {SEEDS}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    began = time.process_time()
    said = dict(measured(options.folders, quick=options.quick))
    asked = sum(map(len, said.values()))
    each_ms = round(1e3 * (time.process_time() - began) / asked, 1)
    scores = {name: score(found) for name, found in said.items()}
    every = score(word for found in said.values() for word in found)
    if options.json:
        told = {
            name: {key: round(value, 3) for key, value in asdict(found).items()}
            for name, found in scores.items()
        }
        ratios = {
            f"error / naive error, {name}": round(it.error / it.naive_error, 2) for name, it in scores.items()
        }
        print(
            json.dumps(
                {"shapes": told, "covered": round(every.covered, 3), "ratios": ratios, "ms": each_ms},
                indent=2,
            )
        )
        return
    table = Table("", "error", "naive", "range holds it", "range", "silent", "naive silent")
    for name, it in {**scores, "all": every}.items():
        figures = (it.error, it.naive_error, it.covered, it.width, it.silent, it.naive_silent)
        table.add_row(name, *(f"{100 * figure:.0f}%" for figure in figures))
    Console().print(table)
    print(f"{each_ms} ms of CPU time for each question, simulation and all")


if __name__ == "__main__":
    main()
