"""Planning swept jobs, beside the same jobs written out as a list.

Each arm reads its file, checks, names and hashes the jobs, and plans them; list and sweep must give the same
jobs.  The arms take turns, and of some rounds the one with least CPU time counts.

    python -m benchmarks.sweeps
    python -m benchmarks.sweeps --quick --json
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from master.core.planning.plan import make_plan
from master.intake.jobs import read_jobs
from master.specs import JobsSpec

ALLOWED = 1.2
"""Times as long as the list."""
_DEFAULTS = {"model": "resnet18", "epochs": 90, "batch_size": 256, "augment": True, "betas": [0.9, 0.999]}


@dataclass(frozen=True)
class Row:
    """One sweep, measured."""

    sweep: str
    jobs: int
    sweep_s: float
    list_s: float
    file_kb: float
    list_file_kb: float

    @property
    def ratio(self) -> float:
        """How many times as long the sweep takes."""
        return self.sweep_s / self.list_s


def sweeps(jobs: int) -> Mapping[str, dict[str, Any]]:
    """Return a sweep of each kind that spells out so many jobs, a multiple of 1,000."""
    seeds, rates = f"0..{jobs // 1000 - 1}", [round(1e-5 * (n + 1), 9) for n in range(100)]
    grid = {"lr": rates, "wd": [n / 100 for n in range(10)], "seed": seeds}
    rows = {"depth": list(range(1000)), "width": [n * 8 for n in range(1000)]}
    drawn = {
        "lr": {"log_uniform": [1e-5, 1e-1]},
        "dropout": {"uniform": [0, 0.5]},
        "k": {"int_uniform": [1, 9]},
    }
    base: dict[str, Any] = {"defaults": _DEFAULTS}
    return {
        "grid": {**base, "grid": grid},
        "zip and grid": {**base, "zip": rows, "grid": {"seed": seeds}},
        "sample and grid": {**base, "sample": {"n": 1000, "fields": drawn}, "grid": {"seed": seeds}},
        "grid with template": {"defaults": {**_DEFAULTS, "id": "{lr}/{wd}-{seed}"}, "grid": grid},
    }


def written_out(spec: JobsSpec, template: str | None) -> list[dict[str, Any]]:
    """Return the jobs of a sweep as a list."""
    own = {} if template is None else {"id": template}
    return [{**own, **job.config} for job in spec.jobs]


def planned(path: Path) -> tuple[float, JobsSpec]:
    """Return how long it takes to read and plan a file, and its jobs."""
    gc.collect()
    begin = time.process_time()
    spec = read_jobs(path, code="benchmark")
    make_plan(spec, {})
    return time.process_time() - begin, spec


def measure(name: str, value: dict[str, Any], folder: Path, rounds: int) -> Row:
    """Measure one sweep beside its list."""
    swept, listed = folder / f"{name}.json", folder / f"{name}-list.json"
    swept.write_text(json.dumps(value))
    spec = read_jobs(swept, code="benchmark")
    listed.write_text(json.dumps(written_out(spec, value["defaults"].get("id"))))
    times: dict[Path, list[float]] = {swept: [], listed: []}
    for _ in range(rounds):
        found = []
        for path, seconds in times.items():
            took, jobs = planned(path)
            seconds.append(took)
            found.append([(job.job_id, job.job_hash) for job in jobs.jobs])
        if found[0] != found[1]:
            raise AssertionError(f"{name}: the list gives other jobs than the sweep")
    sizes = (round(path.stat().st_size / 1000, 1) for path in times)
    return Row(name, len(spec.jobs), *(round(min(each), 3) for each in times.values()), *sizes)


def main() -> int:
    """Measure, and print; exit code 1 where a sweep takes too long."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="10,000 jobs instead of 100,000")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    jobs, rounds = (10_000, 3) if options.quick else (100_000, 3)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(name, value, Path(folder), rounds) for name, value in sweeps(jobs).items()]
    ratios = {f"{row.sweep} over the list": round(row.ratio, 3) for row in rows}
    if options.json:
        facts = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0], "allowed": ALLOWED}
        print(json.dumps({**facts, "rows": [asdict(row) for row in rows], "ratios": ratios}, indent=2))
    else:
        show(rows)
    return 0 if all(row.ratio <= ALLOWED for row in rows) else 1


def show(rows: list[Row]) -> None:
    """Print the table."""
    table = Table("sweep", "jobs", "sweep s", "list s", "ratio", "file kB", "list kB")
    for row in rows:
        cells = (row.sweep, f"{row.jobs:,}", row.sweep_s, row.list_s, f"{row.ratio:.2f}")
        table.add_row(*map(str, (*cells, row.file_kb, row.list_file_kb)))
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
