"""How the page bears large runs.

python -m benchmarks.page             100 jobs beside 100,000, then what a watched page costs
python -m benchmarks.page --quick     10,000 jobs, fewer rounds
python -m benchmarks.page --json      one JSON object on standard output
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.page.journals import written
from benchmarks.page.load import Load, loaded
from benchmarks.page.visits import Times, compare, served

SMALL, LARGE, QUICK = 100, 100_000, 10_000
ROUNDS, QUICK_ROUNDS = 7, 2
SECONDS, QUICK_SECONDS = 60.0, 16.0


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def visits(folder: Path, large: int, rounds: int) -> list[Times]:
    """Measure visits of a small and a large run."""
    sizes = (SMALL, large)
    runs = {jobs: written(folder / f"run{jobs}", jobs).root for jobs in sizes}
    with ExitStack() as pages:
        urls = {jobs: pages.enter_context(served(run))[0] for jobs, run in runs.items()}
        return compare(urls, rounds, say)


def as_json(times: list[Times], load: Load) -> dict[str, Any]:
    """Return all figures."""
    small, large = (each.medians() for each in times)
    ratios = {what: round(large[what] / small[what], 2) for what in small}
    rows = {str(each.jobs): each.most_rows for each in times}
    ms = {str(each.jobs): each.medians() for each in times}
    return {
        "ms": ms,
        "ratios": ratios,
        "most_rows": rows,
        "load": {**asdict(load), "fall_percent": load.fall_percent},
    }


def show(found: dict[str, Any]) -> None:
    """Print tables."""
    (small, first), (large, second) = found["ms"].items()
    table = Table("ms, median", f"{small} jobs", f"{large} jobs", "ratio")
    for what, ratio in found["ratios"].items():
        table.add_row(what, f"{first[what]:.0f}", f"{second[what]:.0f}", f"{ratio:.2f}")
    console = Console()
    console.print(table)
    console.print(f"rows in the page at most: {found['most_rows']}")
    for name, value in found["load"].items():
        console.print(f"{name}: {value:,.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} jobs, fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args()
    large, rounds, seconds = (
        (QUICK, QUICK_ROUNDS, QUICK_SECONDS) if options.quick else (LARGE, ROUNDS, SECONDS)
    )
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        times = visits(Path(folder), large, rounds)
        load = loaded(Path(folder, "load"), seconds)
    found = as_json(times, load)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
