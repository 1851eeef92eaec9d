"""How good each trainer's autoencoders are: three rates with one seed, then three seeds at the best."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.sae.arms import ADAM_RATES, QUALITY, RATES, Interpreters, run_arm, words_of

SIZES = ("features", "latents", "k", "batch", "steps", "tokens")
SEEDS = (0, 1, 2)
Run = dict[str, Any]


def measure(asked: argparse.Namespace, interpreters: Interpreters, say: Callable[[str], None]) -> list[Run]:
    """Return a row for each arm whose package is installed: its best rate, and the mean over seeds."""
    chosen = asked.arms or QUALITY
    states = ["--states", str(asked.states)] if asked.states else []
    rows = []
    for arm in chosen:
        interpreter = interpreters.of(arm)
        if interpreter is None:
            continue

        def run(rate: float, seed: int, arm: str = arm, interpreter: str = interpreter) -> Run:
            words = [*words_of(asked, SIZES), *states, "--rate", str(rate), "--seed", str(seed)]
            found = run_arm(interpreter, arm, ["--measure", "quality", *words])
            say(f"  {arm} rate {rate:g} seed {seed}: {found.get('failed') or _text(found)}")
            return {**found, "rate": rate, "seed": seed}

        rows.append(summary(arm, compared(run, RATES.get(arm, ADAM_RATES))))
        say(line(rows[-1]))
    return rows


def compared(run: Callable[[float, int], Run], rates: Sequence[float]) -> list[Run]:
    """Return the runs of all seeds at the rate whose first seed has the least FVU."""
    tried = [found for found in (run(rate, SEEDS[0]) for rate in rates) if "failed" not in found]
    if not tried:
        return []
    best = min(tried, key=lambda found: found["fvu"])
    more = [run(best["rate"], seed) for seed in SEEDS[1:]]
    return [best, *(found for found in more if "failed" not in found)]


def summary(arm: str, runs: Sequence[Run]) -> Run:
    """Return the means of an arm, and the smallest and largest FVU."""
    if not runs:
        return {"arm": arm, "failed": "at every rate"}
    means = {name: statistics.fmean(one[name] for one in runs) for name in ("fvu", "l0", "dead_share")}
    between = [min(one["fvu"] for one in runs), max(one["fvu"] for one in runs)]
    return {"arm": arm, "rate": runs[0]["rate"], "seeds": len(runs), **means, "fvu_between": between}


def line(row: Run) -> str:
    """Return a row of the table."""
    if "failed" in row:
        return f"{row['arm']:28} failed {row['failed']}"
    least, most = row["fvu_between"]
    return f"{row['arm']:28} rate {row['rate']:<7g} {_text(row)} ({least:.4f} to {most:.4f})"


def _text(found: Run) -> str:
    return f"FVU {found['fvu']:.4f}  L0 {found['l0']:.1f}  dead {found['dead_share']:.2%}"


def ratios(rows: Sequence[Run]) -> dict[str, float]:
    """Return the FVU of our best arm over that of each other package's."""
    known = {row["arm"]: row["fvu"] for row in rows if "failed" not in row}
    ours = [fvu for arm, fvu in known.items() if arm.startswith("ours:")]
    others = {arm: fvu for arm, fvu in known.items() if not arm.startswith("ours:")}
    return {f"FVU of ours over {arm}": round(min(ours) / fvu, 4) for arm, fvu in others.items() if ours}
