"""Sparse autoencoders: our loop against the usual ways and other packages, on the same activations.

    python -m benchmarks.sae --quick
    python -m benchmarks.sae --features 384 --latents 16384 --peers-python ~/peers/bin/python --json
    python -m benchmarks.sae --presets
    python -m benchmarks.sae --quality --states states.npz --peers-python ~/peers/bin/python

One process an arm, one after the other, with the same latents, k, batch and steps.  `lightning` is the usual
way: a LightningModule, Lightning's Trainer and a DataLoader with its workers; `dense` is the same arithmetic
in memory, without either.  Other packages want an environment of their own: `pip install sae-lens
eai-sparsify dictionary-learning lightning` there, and --peers-python here.  What is not installed is named
and left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sae import quality
from benchmarks.sae.arm import SIZES
from benchmarks.sae.arms import OURS, PRESETS, SPEED, Interpreters, run_arm, words_of
from trainers.sae.settings import settings_of

QUICK = {"features": 256, "latents": 8192, "batch": 256, "steps": 3}
QUALITY_SIZES = {"latents": 4096, "tokens": 500_000}
Rows = list[dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what the flags ask for, print tables, and return the exit code."""
    asked = parser().parse_args(argv)
    _complete(asked)
    table = sys.stderr if asked.json else sys.stdout

    def say(line: str) -> None:
        print(line, file=table, flush=True)

    say("  ".join(f"{name} {getattr(asked, name)}" for name in SIZES))
    interpreters = Interpreters(asked.peers_python)
    if asked.quality:
        rows = quality.measure(asked, interpreters, say)
        compared = quality.ratios(rows)
    else:
        rows = speeds(asked, interpreters, say)
        compared = ratios(rows)
    say(f"not installed, not measured: {', '.join(interpreters.missing) or 'none'}")
    sizes = {name: getattr(asked, name) for name in SIZES}
    figures = {**sizes, "arms": rows, "ratios": compared, "not_installed": interpreters.missing}
    if asked.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in compared.items():
            say(f"{name}: {value}")
    return 1 if any("failed" in row for row in rows) else 0


def parser() -> argparse.ArgumentParser:
    """Return what the benchmark is told."""
    built = argparse.ArgumentParser("python -m benchmarks.sae", description=__doc__)
    for name, default in SIZES.items():
        text = "--quality: those of one pass over nine tenths of the tokens" if name == "steps" else None
        built.add_argument(f"--{name}", type=int, help=f"default {default}" + f"; {text}" * bool(text))
    built.add_argument("--tokens", type=int, help="of --quality, default 500,000")
    built.add_argument("--states", type=Path, help="of --quality: what benchmarks.sae.states wrote")
    built.add_argument("--quick", action="store_true", help="smaller sizes, under a minute")
    built.add_argument("--quality", action="store_true", help="held-out FVU, L0 and dead latents")
    built.add_argument("--presets", action="store_true", help="the seed presets beside the Lightning engine")
    built.add_argument("--arms", type=lambda text: tuple(text.split(",")), help="these alone, by commas")
    built.add_argument("--peers-python", type=Path, help="interpreter in which the other packages are")
    built.add_argument("--json", action="store_true", help="print the figures as JSON, the table to stderr")
    return built


def _complete(asked: argparse.Namespace) -> None:
    """Put in what the flags left out."""
    sizes = {**SIZES, **(QUALITY_SIZES if asked.quality else {}), **(QUICK if asked.quick else {})}
    if asked.quality and asked.quick:
        sizes |= {"tokens": 10_000, "latents": 512}
    sizes.setdefault("tokens", 0)
    given = {name for name in sizes if getattr(asked, name) is not None}
    for name in sizes.keys() - given:
        setattr(asked, name, sizes[name])
    if asked.quality and "steps" not in given:
        asked.steps = max(1, asked.tokens * 9 // 10 // asked.batch)


def speeds(asked: argparse.Namespace, interpreters: Interpreters, say: Callable[[str], None]) -> Rows:
    """Run the arms of speed or of presets, each in a process of its own."""
    rows = []
    for arm in asked.arms or (PRESETS if asked.presets else SPEED):
        interpreter = interpreters.of(arm)
        if interpreter is None:
            continue
        words = words_of(asked, tuple(SIZES))
        if asked.presets:  # an example is an example: each preset has its own step
            settings = settings_of(arm.partition(":")[2], {})
            words += ["--batch", str((settings.batch_size or asked.batch) * settings.accumulate)]
        rows.append(run_arm(interpreter, arm, words))
        say(_row(rows[-1]))
    return rows


def _row(result: dict[str, Any]) -> str:
    if "failed" in result:
        return f"{result['arm']:28} failed: {result['failed']}"
    row = "{arm:28} {tokens_per_second:10.0f} tokens/s {step_ms:9.1f} ms {peak_MiB:7.0f} MiB"
    return row.format(**result)


def ratios(rows: Rows) -> dict[str, float]:
    """Return each comparison as a rate over a rate: with the other ways, and with our TopK."""
    rate = {row["arm"]: row["tokens_per_second"] for row in rows if "failed" not in row}
    peak = {row["arm"]: row["peak_MiB"] for row in rows if "failed" not in row}
    pairs = [
        *(("ours:topk", arm) for arm in SPEED if arm.partition(":")[2] in ("topk", "adam", "signum")),
        *(("ours:relu", f"{way}:relu") for way in ("lightning", "dense")),
        *((f"ours:{kind}", "ours:topk") for kind in OURS if kind != "topk"),
        *((arm, PRESETS[0]) for arm in PRESETS[1:]),
    ]
    known = [(ours, other) for ours, other in pairs if ours in rate and other in rate and ours != other]
    found = {f"{ours} over {other}": round(rate[ours] / rate[other], 3) for ours, other in known}
    return found | {
        f"memory of {arm} over {PRESETS[0]}": round(peak[arm] / peak[PRESETS[0]], 3)
        for arm in PRESETS[1:]
        if arm in peak and PRESETS[0] in peak
    }


if __name__ == "__main__":
    sys.exit(main())
