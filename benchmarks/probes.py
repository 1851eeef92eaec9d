"""All probes of a layer at once, beside training them one by one and beside scikit-learn.

Every arm runs in a process of its own on the same data, with the same epochs, batches, dropout and validation
after each epoch; rounds of all arms are interleaved and the median of each arm is reported.  Arms that would
take minutes train some of the probes, and their time is scaled to all of them: the table says how many.

    python -m benchmarks.probes --quick
    python -m benchmarks.probes --features 1024 4096 --rounds 3 --json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.probe_arms import ARMS, QUICK, Measured, Size, make_data, on_device, run_arm
from trainers.common.devices import resolve_device

COMPARISONS = {
    "fused float32 over the best dataloader arm": ("dataloader", "fused float32"),
    "fused bfloat16 over the best dataloader arm": ("dataloader", "fused bfloat16"),
    "fused float32 over in memory, one by one": ("in memory, one by one", "fused float32"),
    "8 threads over one by one, with dataloader": ("dataloader, one by one", "dataloader, 8 threads"),
    "time of 8 rates over time of 1, float32": ("fused float32, 8 rates", "fused float32"),
    "time of 8 rates over time of 1, bfloat16": ("fused bfloat16, 8 rates", "fused bfloat16"),
    "exact solver over LogisticRegression": ("LogisticRegression, n_jobs=2", "exact solver"),
}
"""Name of a ratio: the (best) arm above the line, the arm below it."""


def spawn_arm(name: str, path: Path, quick: bool) -> Measured:
    """Run one arm in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.probes", "--arm", name, "--data", str(path)]
    # As trainers.probes sets it, for every arm alike: torch's threads do not spin for long.
    environment = {"GOMP_SPINCOUNT": "4000", **os.environ}
    command += ["--quick"] if quick else []
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"arm {name!r} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout))


def rounds(path: Path, count: int, quick: bool) -> Iterator[dict[str, Measured]]:
    """Yield the results of one round of all arms after the other."""
    for number in range(1, count + 1):
        results = {}
        for name in ARMS:
            print(f"  round {number}: {name}", file=sys.stderr, flush=True)
            results[name] = spawn_arm(name, path, quick)
        yield results


def medians(results: Sequence[dict[str, Measured]]) -> dict[str, Measured]:
    """Return each arm with its median time and memory."""
    return {
        name: replace(
            last,
            seconds=median(one[name].seconds for one in results),
            cpu_seconds=median(one[name].cpu_seconds for one in results),
            peak_mib=median(one[name].peak_mib for one in results),
        )
        for name, last in results[-1].items()
    }


def ratios(arms: dict[str, Measured]) -> dict[str, float]:
    """Return every comparison; an arm above the line is the fastest whose name begins so."""
    found = {}
    for title, (above, below) in COMPARISONS.items():
        best = min(arm.seconds for name, arm in arms.items() if name.startswith(above))
        found[title] = best / arms[below].seconds
    return found


def worse_objectives(arms: dict[str, Measured]) -> int:
    """Count the probes on which the exact solver's objective is above scikit-learn's."""
    pairs = zip(arms["exact solver"].objectives, arms["LogisticRegression, n_jobs=2"].objectives, strict=True)
    return sum(mine > theirs * (1 + 1e-9) for mine, theirs in pairs)


def report(features: int, size: Size, arms: dict[str, Measured]) -> None:
    """Print one table."""
    print(f"\nN = {size.n_train}, D = {features}, {size.classes} probes, batch 512; seconds for all probes")
    print(f"{'arm':<30} {'seconds':>9} {'CPU s':>9} {'peak MiB':>9}  timed")
    for name, arm in arms.items():
        print(f"{name:<30} {arm.seconds:>9.3f} {arm.cpu_seconds:>9.3f} {arm.peak_mib:>9.0f}  {arm.note}")
    for title, value in ratios(arms).items():
        print(f"  {title}: {value:.1f}")
    print(f"  probes on which the exact solver's objective is worse: {worse_objectives(arms)}")


def compare(features: int, size: Size, count: int, quick: bool, quiet: bool) -> dict[str, Any]:
    """Run all arms at one width and return what they gave."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "activations.h5"
        make_data(path, features, size)
        arms = medians(list(rounds(path, count, quick)))
    if not quiet:
        report(features, size, arms)
    return {
        "ratios": ratios(arms),
        "worse_objectives": worse_objectives(arms),
        "arms": {name: asdict(arm) for name, arm in arms.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison that the flags ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small data, one round, under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--features", type=int, nargs="+", help="widths (default 1024 4096)")
    parser.add_argument("--rounds", type=int, default=None, help="rounds of all arms (default 3, quick 1)")
    parser.add_argument("--device", help="instead: 360 columns on this accelerator, for example cuda")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="with --device: examples (default 1,000,000)"
    )
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    flags = parser.parse_args(argv)
    size = QUICK if flags.quick else Size()
    if flags.arm:
        print(json.dumps(asdict(run_arm(flags.arm, flags.data, size))))
        return 0
    if flags.device:
        width, epochs = (flags.features or [4096])[0], 2 if flags.quick else 50
        print(json.dumps(on_device(resolve_device(flags.device), flags.rows, width, epochs), indent=2))
        return 0
    widths = flags.features or ([256] if flags.quick else [1024, 4096])
    count = flags.rounds or (1 if flags.quick else 3)
    results = {width: compare(width, size, count, flags.quick, flags.json) for width in widths}
    if flags.json:
        named = {
            f"D={width}: {name}": value
            for width, one in results.items()
            for name, value in one["ratios"].items()
        }
        print(json.dumps({"ratios": named, "results": {str(width): one for width, one in results.items()}}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
