"""Measure all that needs a GPU in under six minutes, and print a table, and one JSON object last.

    scripts/gpu_check                         on a CUDA GPU
    scripts/gpu_check --only probes sae       some parts
    scripts/gpu_check --cpu                   the same code small, on a CPU: no slip costs time on a card

A part that fails or takes too long is told, and the others go on; what needs two cards is skipped where
there is one.  The exit code is 1 where a part failed.  Goals are those for an H100.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.gpu_check.parts import GOALS, PARTS, Setting
from benchmarks.gpu_check.running import SECONDS, Outcome, run_all, table


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    asked = _parsed(argv)
    setting, device = _setting(asked.cpu)
    if setting is None:
        print(f"gpu_check: {device}; --cpu runs the same code small", file=sys.stderr)
        return 2
    outcomes: list[Outcome] = []
    print(device, flush=True)
    chosen = [part for part in PARTS if not asked.only or part.name in asked.only]
    for each in run_all(chosen, setting, asked.seconds):
        outcomes.append(each)
        print("\n".join(table([each], not asked.cpu)), flush=True)
    print(json.dumps(_told(device, outcomes, with_goals=not asked.cpu)))
    return 1 if any(each.failed for each in outcomes) else 0


def _told(device: str, outcomes: Sequence[Outcome], *, with_goals: bool) -> dict[str, object]:
    figures = {name: value for each in outcomes for name, value in each.figures.items()}
    told: dict[str, object] = {"device": device, "parts": [asdict(each) for each in outcomes]}
    if with_goals:
        judged = {name: GOALS[name].is_met(value) for name, value in figures.items() if name in GOALS}
        told |= {"goals_met": judged, "goals_not_measured": sorted(set(GOALS) - set(judged))}
    return told


def _setting(cpu: bool) -> tuple[Setting | None, str]:
    """Return where to measure and its name, or why that cannot be."""
    if cpu:
        return Setting("cpu", 0, small=True), "CPU, small: a trial of the script"
    import torch

    if not torch.cuda.is_available():
        return None, "torch finds no CUDA GPU here"
    cards = torch.cuda.device_count()
    name = f"{cards} × {torch.cuda.get_device_name(0)}, torch {torch.__version__}"
    return Setting("cuda", cards, small=False), name


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/gpu_check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [part.name for part in PARTS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PART", help=f"of {', '.join(names)}")
    parser.add_argument("--cpu", action="store_true", help="small sizes on a CPU")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"of a card for all parts ({SECONDS:g})"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
