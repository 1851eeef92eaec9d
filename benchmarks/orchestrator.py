"""`run_all_training` on `examples/training_scripts`: one job at a time, several, and what it adds itself.

Beside it the same scripts run in a shell loop, and by `xargs -P`, which shows what the cores allow at that
moment.  All arms use one thread a job, the fastest of some rounds counts, and the results of both ways of
`run_all_training` must be equal.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "examples" / "training_scripts"
_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
QUICK = ("digits_mlp", "iris_bagging", "wine_boosting", "diabetes_forest")


@dataclass(frozen=True)
class Arm:
    """One way to run all scripts, measured."""

    name: str
    jobs: int
    workers: int
    seconds: float
    job_seconds: float | None = None
    """Of all jobs together, by the summary."""


def shell_loop(scripts: Sequence[Path], folder: Path) -> Arm:
    """Run the scripts one after the other, as one would by hand."""
    folder.mkdir()
    begin = time.perf_counter()
    for script in scripts:
        subprocess.run([sys.executable, script], cwd=folder, check=True, **_QUIET)
    return Arm("shell loop", len(scripts), 1, time.perf_counter() - begin)


def xargs(scripts: Sequence[Path], folder: Path, workers: int) -> Arm:
    """Run the scripts by `xargs`, in the same order."""
    folder.mkdir()
    argv = ["xargs", "-P", str(workers), "-n", "1", sys.executable]
    names = "\n".join(map(str, scripts))
    begin = time.perf_counter()
    subprocess.run(argv, cwd=folder, check=True, input=names, text=True, **_QUIET)
    return Arm(f"xargs -P {workers}", len(scripts), workers, time.perf_counter() - begin)


def orchestrated(name: str, scripts: Sequence[Path], folder: Path, *flags: str) -> tuple[Arm, dict[str, Any]]:
    """Run the scripts by the command; return the arm and the metrics of each job."""
    argv = [sys.executable, "-m", "master.commands.run_all_training", "--json", *flags]
    argv += ["--only", *(script.stem for script in scripts)]
    for kind in ("base-output-dir", "logs-dir", "summary-dir"):
        argv += [f"--{kind}", str(folder / kind)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TWOPHASE_SLOT_DIR": str(folder / "slots")}
    begin = time.perf_counter()
    done = subprocess.run(argv, cwd=SCRIPTS, env=env, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{name}: exit code {done.returncode}\n{done.stderr}")
    summary = json.loads(done.stdout)
    busy_s = sum(job["duration_seconds"] for job in summary["jobs"])
    arm = Arm(name, len(summary["jobs"]), summary["workers"]["count"], seconds, busy_s)
    return arm, {job["id"]: _metrics(Path(job["output"])) for job in summary["jobs"]}


def _metrics(output: Path) -> Any:
    (path,) = output.rglob("metrics.json")
    return json.loads(path.read_text(encoding="utf-8"))


def measure(scripts: Sequence[Path], workers: int, rounds: int) -> list[Arm]:
    """Run all arms in turn, `rounds` times, and return the fastest of each."""
    found = [_round(scripts, workers) for _ in range(rounds)]
    return [min(arms, key=lambda arm: arm.seconds) for arms in zip(*found, strict=True)]


def _round(scripts: Sequence[Path], workers: int) -> list[Arm]:
    """Run all arms, one after the other.  Exits where parallel results differ from sequential ones."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:
        root = Path(folder)
        os.environ.update({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
        loop = shell_loop(scripts, root / "loop")
        together = xargs(scripts, root / "together", workers)
        sequential, expected = orchestrated("run_all_training", scripts, root / "sequential")
        flags = ("--parallel", "--max-workers", str(workers))
        parallel, found = orchestrated("run_all_training --parallel", scripts, root / "parallel", *flags)
        if found != expected:
            raise SystemExit(f"the results differ: {expected} and {found}")
        return [loop, together, sequential, parallel]


def ratios(arms: Sequence[Arm]) -> Mapping[str, float]:
    """Return the comparisons; above 1 is faster."""
    loop, together, sequential, parallel = arms
    return {
        "parallel over sequential": round(sequential.seconds / parallel.seconds, 3),
        f"{together.name} over shell loop": round(loop.seconds / together.seconds, 3),
        f"parallel over {together.name}": round(together.seconds / parallel.seconds, 3),
        "sequential over shell loop": round(loop.seconds / sequential.seconds, 3),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestrator", description=__doc__)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--workers", type=int, default=cores, help=f"of the parallel arm ({cores})")
    parser.add_argument("--quick", action="store_true", help=f"{len(QUICK)} scripts that need no torch")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--rounds", type=int, help="the fastest of so many counts (3, with --quick 1)")
    options = parser.parse_args()
    names = [f"train_{name}.py" for name in QUICK] if options.quick else ["train_*.py"]
    scripts = sorted(path for name in names for path in SCRIPTS.glob(name))
    arms = measure(scripts, options.workers, options.rounds or (1 if options.quick else 3))
    found = ratios(arms)
    if options.json:
        print(json.dumps({"arms": [asdict(arm) for arm in arms], "ratios": found}, indent=2))
        return
    table = Table("way", "jobs", "at a time", "seconds", "seconds of jobs")
    for arm in arms:
        busy = "" if arm.job_seconds is None else f"{arm.job_seconds:.1f}"
        table.add_row(arm.name, str(arm.jobs), str(arm.workers), f"{arm.seconds:.1f}", busy)
    console = Console()
    console.print(table)
    for name, value in found.items():
        console.print(f"{name}: {value:.2f}")


if __name__ == "__main__":
    main()
