"""How long a command takes to say what it takes, beside an interpreter that does nothing.

Each arm is a process of its own; arms take turns, and of some rounds the fastest counts, and that with least
CPU time, which a busy machine changes less.  Modules are compiled once, as those of an installed program are.

    python -m benchmarks.startup
    python -m benchmarks.startup --quick --json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import twophase
from benchmarks.reading import write_journal

ROOT = Path(__file__).resolve().parents[1]
NOTHING = "python -c pass"
START = str(ROOT / "twophase.py")
ROUNDS, QUICK_ROUNDS = 15, 4
SCRIPT = "import argparse\nflags = argparse.ArgumentParser()\nflags.add_argument('--lr', type=float)\n"
FEW = 100
"""Jobs of the run that is read."""
JOBS = ["--script-path", "train.py", "--grid", "lr=1e-3,1e-4"]


READING = ("ps", "why alpha/lr=0.5_seed=50", "results", "hash alpha/lr=0.5_seed=50")


def arms() -> Mapping[str, Sequence[str]]:
    """Return the words of each arm, by its name."""
    helps = {f"{name} --help": [START, name, "--help"] for name in twophase._COMMANDS}
    trainers = [path.parent.name for path in twophase._manifests()]
    return {
        NOTHING: ["-c", "pass"],
        "twophase --help": [START, "--help"],
        **helps,
        **{f"{name} --help": [START, name, "--help"] for name in trainers},
        "run_two_phase --version": [START, "run_two_phase", "--version"],
        "analyze_jobs, two jobs": [START, "analyze_jobs", *JOBS],
        **{f"twophase {words}, {FEW} jobs": [START, *words.split()] for words in READING},
        "a dry run of two jobs here": [START, "run_two_phase", *JOBS, "--dry-run"],
    }


def cpu_seconds() -> float:
    """Return the CPU time of all processes that have ended here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fastest(words: Mapping[str, Sequence[str]], rounds: int) -> dict[str, tuple[float, float]]:
    """Return the least seconds and CPU seconds of each arm, each in a folder that holds a script."""
    best = dict.fromkeys(words, (float("inf"), float("inf")))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as apart:
        Path(folder, "train.py").write_text(SCRIPT)
        write_journal(Path(folder), FEW)
        compiled = {**os.environ, "PYTHONPYCACHEPREFIX": apart}
        compiled.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(rounds):
            for name, argv in words.items():
                began, used = time.perf_counter(), cpu_seconds()
                subprocess.run(
                    [sys.executable, *argv], cwd=folder, env=compiled, check=True, capture_output=True
                )
                took = time.perf_counter() - began, cpu_seconds() - used
                best[name] = min(best[name][0], took[0]), min(best[name][1], took[1])
    return best


def main() -> None:
    """Measure, and print a table or an object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, not {ROUNDS}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    best = fastest(arms(), QUICK_ROUNDS if options.quick else ROUNDS)
    ratios = {f"{name} / {NOTHING}": round(s / best[NOTHING][0], 2) for name, (s, _) in best.items()}
    if options.json:
        milliseconds, cpu = ({name: round(1e3 * s[n], 1) for name, s in best.items()} for n in (0, 1))
        print(json.dumps({"milliseconds": milliseconds, "cpu_ms": cpu, "ratios": ratios}, indent=2))
        return
    table = Table("", "ms", f"/ {NOTHING}", "CPU ms")
    for (name, (seconds, cpu_s)), ratio in zip(best.items(), ratios.values(), strict=True):
        table.add_row(name, f"{1e3 * seconds:.0f}", f"{ratio:.1f}", f"{1e3 * cpu_s:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
