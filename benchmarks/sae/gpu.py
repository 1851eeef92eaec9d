"""The step on a GPU: our kernels, torch's own, dense matrices compiled, and the presets by both engines.

    python -m benchmarks.sae.gpu                       on a CUDA GPU, within six minutes
    python -m benchmarks.sae.gpu --device cpu --small  the same words at small sizes, to see that they run

The kernels are first compared with the plain step on the card.  Beside each shape stands a bound of the
card's own: its products in bfloat16 and its copies are timed, and a step that is nothing but the encoder's
product, one writing and reading of what it gives, and the optimiser's traffic would take as long.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.sae.arms import PRESETS, run_arm
from benchmarks.sae.ours import scale_for
from trainers.sae.settings import PRESETS as SETTINGS
from trainers.sae.settings import Settings
from trainers.sae.training import Training

SHAPES, BATCHES = ((768, 16_384, 32), (2304, 65_536, 64)), (4096, 16_384)
SMALL_SHAPES, SMALL_BATCHES = ((32, 256, 4),), (64,)
ARMS = ("ours:topk", "ours:batchtopk", "plain:topk", "compiled:topk")
SECONDS = 340.0
"""After which nothing more is begun."""
MOMENTS = 24
"""Bytes that Adam moves for a parameter: it, mean and square, read and written in float32."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print a table; with --json, the figures as JSON at the end."""
    parser = argparse.ArgumentParser("python -m benchmarks.sae.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small sizes, and two steps")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(argv)
    until = time.monotonic() + SECONDS
    device = torch.device(asked.device)
    figures: dict[str, Any] = {"device": _name(device), "difference": difference(device), "arms": []}
    print(f"{figures['device']}: largest difference from the plain step {figures['difference']:.1e}")
    flops, bandwidth = ceilings(device, 256 if asked.small else 8192)
    print(f"products in bfloat16 {flops / 1e12:.1f} TFLOP/s, copies {bandwidth / 1e12:.2f} TB/s", flush=True)
    for arm, words, bound in plan(asked.small, flops, bandwidth):
        if time.monotonic() > until:
            print(f"{arm} {' '.join(words)}: no time left")
            continue
        row = run_arm(sys.executable, arm, [*words, "--device", asked.device])
        figures["arms"].append({**row, "words": words, "bound": bound})
        print(_line(row, words, bound), flush=True)
    if asked.json:
        print(json.dumps(figures))
    return 1 if any("failed" in row for row in figures["arms"]) else 0


def plan(small: bool, flops: float, bandwidth: float) -> list[tuple[str, list[str], float | None]]:
    """Return the arms, with the flags and the bound of each."""
    steps, planned = ("2" if small else "50"), []
    for features, latents, k in SMALL_SHAPES if small else SHAPES:
        for batch in SMALL_BATCHES if small else BATCHES:
            sizes = {"features": features, "latents": latents, "k": k, "batch": batch}
            words = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
            bound = bound_of(features, latents, batch, (flops, bandwidth))
            planned += [(arm, [*words, "--steps", steps], bound) for arm in ARMS]
    for arm in () if small else (one for one in PRESETS if "before" not in one):
        preset = SETTINGS[arm.partition(":")[2]]
        batch = str(preset["batch_size"] * preset.get("accumulate", 1))
        planned.append((arm, ["--features", "768", "--batch", batch, "--steps", steps], None))
    return planned


def bound_of(features: int, latents: int, batch: int, ceiling: tuple[float, float]) -> float:
    """Return examples a second of a step that encodes, looks at the latents once, and moves parameters."""
    flops, bandwidth = ceiling
    looking, parameters = 2 * 2 * batch * latents, 2 * latents * features
    return batch / (2 * batch * latents * features / flops + (looking + MOMENTS * parameters) / bandwidth)


def ceilings(device: torch.device, size: int) -> tuple[float, float]:
    """Return what the device multiplies in bfloat16 a second, and the bytes that it reads and writes."""
    a = torch.randn(size, size, device=device).bfloat16()
    b = torch.empty_like(a)
    product, copy = _seconds(lambda: a @ a, device), _seconds(lambda: b.copy_(a), device)
    return 2 * size**3 / product, 2 * a.numel() * a.element_size() / copy


def difference(device: torch.device) -> float:
    """Return by how much parameters differ at most after three steps by the kernels and by torch's own."""
    x = torch.randn(192, 64, generator=torch.Generator().manual_seed(0)).to(device)
    found = []
    for kernels in ("auto", "plain"):
        settings = Settings(
            architecture="topk", latent_dim=512, k=8, kernels=kernels, precision="float32", dense_above=1.0
        )
        training = Training(settings, scale_for(x), device)
        print(training.prepare(x), file=sys.stderr)
        for batch in x.split(64):
            training.gather(batch)
            training.update(1e-3)
        found.append(training.parameters)
    return max(float((found[0][name] - found[1][name]).abs().max()) for name in found[0])


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    times = []
    for _ in range(8):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def _line(row: dict[str, Any], words: Sequence[str], bound: float | None) -> str:
    sizes = " ".join(words[1::2])
    if "failed" in row:
        return f"{row['arm']:20} {sizes:24} failed: {row['failed']}"
    rate = row["tokens_per_second"]
    share = "" if bound is None else f"  {rate / bound:5.1%} of the bound, {bound / 1e6:.2f} M"
    return f"{row['arm']:20} {sizes:24} {rate / 1e6:8.3f} M tokens/s {row['peak_MiB']:8.0f} MiB{share}"


if __name__ == "__main__":
    sys.exit(main())
