"""One arm in a process of its own: the seconds of its steps, or how good it becomes.

It is started by `benchmarks.sae`, for another package with an interpreter in which that is installed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.sae.peers import PEERS

WARM_UP = 3
MOST_ROWS = 32_768
"""Activations that speed is measured with, at most."""
HELD_OUT = 0.1
SIZES = {"features": 384, "latents": 16_384, "k": 32, "batch": 512, "steps": 10, "seed": 0}


def activations(rows: int, features: int, states: Path | None = None, layer: int = 4) -> Tensor:
    """Return activations of a mean norm of √features: of a file of states, or sums of a few directions."""
    if states is not None:
        import numpy as np

        x = torch.from_numpy(np.load(states)[f"layer_{layer}"][:rows]).float()
    else:
        generator = torch.Generator().manual_seed(0)
        directions = torch.randn(4 * features, features, generator=generator)
        active = torch.rand(rows, 4 * features, generator=generator) < 16 / (4 * features)
        x = active.float() @ directions
    return x * (features**0.5 / float(x.norm(dim=1).mean()))


def build(name: str, asked: argparse.Namespace) -> Any:
    """Return the arm of a name: a way and an architecture, preset or optimiser."""
    way, _, kind = name.partition(":")
    torch.manual_seed(asked.seed)
    if way in PEERS:
        return PEERS[way](kind, asked)
    from benchmarks.sae.ours import OURS

    return OURS[way](kind, asked)


def speed(asked: argparse.Namespace) -> dict[str, float]:
    """Return the seconds of a step, and examples a second."""
    way, _, kind = asked.arm.partition(":")
    rows = min(asked.batch * (asked.steps + WARM_UP + 2), MOST_ROWS)
    x = activations(rows, asked.features)
    if way == "lightning":
        from benchmarks.sae.ours import lightning_seconds

        took = lightning_seconds(kind, asked, x)
    else:
        took = _seconds(build(asked.arm, asked), asked, x)
    return {"tokens_per_second": asked.batch / took, "step_ms": took * 1e3}


def _seconds(arm: Any, asked: argparse.Namespace, x_ND: Tensor) -> float:
    x_ND, generator = x_ND.to(asked.device), torch.Generator(asked.device).manual_seed(0)
    times = []
    for _ in range(asked.steps + WARM_UP):
        rows = torch.randint(len(x_ND), (asked.batch,), generator=generator, device=asked.device)
        started = time.perf_counter()
        arm.step(x_ND[rows])
        if x_ND.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sum(times[WARM_UP:]) / asked.steps


def quality(asked: argparse.Namespace) -> dict[str, float]:
    """Train over all steps; return held-out FVU, L0, and the share of latents that nothing activates."""
    x = activations(asked.tokens, asked.features, asked.states)
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(7))]
    held, kept = x.split([int(HELD_OUT * len(x)), len(x) - int(HELD_OUT * len(x))])
    arm, generator = build(asked.arm, asked), torch.Generator().manual_seed(asked.seed)
    order, started = torch.empty(0, dtype=torch.int64), time.perf_counter()
    for _ in range(asked.steps):
        if len(order) < asked.batch:
            order = torch.randperm(len(kept), generator=generator)
        arm.step(kept[order[: asked.batch]])
        order = order[asked.batch :]
    return {**figures(arm, held), "seconds": time.perf_counter() - started}


def figures(arm: Any, held_ND: Tensor) -> dict[str, float]:
    """Return the figures of an arm on held-out activations."""
    squares, count, seen = 0.0, 0, torch.zeros(1, dtype=torch.bool)
    for block in held_ND.split(512):
        made, active = arm.codes(block)
        squares += float((made - block).double().square().sum())
        count, seen = count + int(active.sum()), seen | active.any(0)
    spread = float((held_ND - held_ND.mean(0)).double().square().sum())
    dead = float((~seen).double().mean())
    return {"fvu": squares / spread, "l0": count / len(held_ND), "dead_share": dead}


def parser() -> argparse.ArgumentParser:
    """Return what an arm is told."""
    built = argparse.ArgumentParser(prog="python -m benchmarks.sae.arm", description=__doc__)
    built.add_argument("--arm", required=True)
    built.add_argument("--measure", choices=("speed", "quality"), default="speed")
    for name, default in SIZES.items():
        built.add_argument(f"--{name}", type=int, default=default)
    built.add_argument("--device", default="cpu", help="cpu or cuda, of arms of ours")
    built.add_argument("--rate", type=float, default=1e-4)
    built.add_argument("--tokens", type=int, default=0)
    built.add_argument("--states", type=Path)
    return built


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the arm and print its figures as a line of JSON; return the exit code."""
    asked = parser().parse_args(argv)
    warnings.simplefilter("ignore")
    found = quality(asked) if asked.measure == "quality" else speed(asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if asked.device != "cpu":
        peak = torch.cuda.max_memory_allocated() / 2**20
    print(json.dumps({"arm": asked.arm, **found, "peak_MiB": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
