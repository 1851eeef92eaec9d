"""From one layer's autoencoder to its neighbours': examples to the FVU that training from scratch reaches.

    python -m benchmarks.sae.states states.npz --tokens 300000
    python -m benchmarks.sae.transfer states.npz --base 4 --layers 3,5

An autoencoder of the base layer is trained once, in some passes over all examples.  For each other layer one
is trained from scratch in one pass, and from the base on parts of a pass, each with a schedule of its own
that ends there.  The smallest part at which the held-out FVU is no worse than from scratch is what counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.sae.states import cached
from trainers.sae.run import Request, Trained, train
from trainers.sae.settings import Settings

PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 3, 1 / 2, 1.0)
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Train all of them, print a table, and return the exit code."""
    asked = parser().parse_args(argv)
    stream = sys.stderr if asked.json else sys.stdout

    def say(line: str) -> None:
        print(line, file=stream, flush=True)

    layers = [int(word) for word in asked.layers.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        paths = write_layers(Path(folder), asked, [asked.base, *layers])
        rows = [compared(Path(folder), asked, layer, paths, say) for layer in layers]
    found = {f"layer {row['layer']}: examples from the base over from scratch": row["share"] for row in rows}
    if asked.json:
        print(json.dumps({"layers": rows, "ratios": found}, indent=2))
    for name, value in found.items():
        say(f"{name}: {'more than all' if value is None else f'{value:.3f}'}")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what the benchmark is told."""
    built = argparse.ArgumentParser("python -m benchmarks.sae.transfer", description=__doc__)
    built.add_argument("states", type=Path, help="what benchmarks.sae.states wrote")
    built.add_argument("--base", type=int, default=4)
    built.add_argument("--layers", default="3,5")
    for name, default in (("tokens", 300_000), ("latents", 4096), ("k", 32), ("batch", 512), ("seed", 0)):
        built.add_argument(f"--{name}", type=int, default=default)
    built.add_argument("--base-passes", type=int, default=4, help="of the base, over its examples")
    built.add_argument("--architecture", default="batchtopk")
    built.add_argument("--json", action="store_true")
    return built


def write_layers(folder: Path, asked: argparse.Namespace, layers: Sequence[int]) -> dict[int, Path]:
    """Write a file for each layer."""
    states = cached(asked.states, asked.tokens, layers)
    paths = {layer: folder / f"layer_{layer}.npy" for layer in layers}
    for layer, path in paths.items():
        np.save(path, states[layer])
    return paths


def compared(
    folder: Path, asked: argparse.Namespace, layer: int, paths: dict[int, Path], say: Say
) -> dict[str, Any]:
    """Return the FVU from scratch and from the base at each part, and the smallest part that is enough."""
    steps = len(np.load(paths[layer], mmap_mode="r")) * 9 // 10 // asked.batch
    base = folder / "base"
    if not base.exists():
        longer = asked.base_passes * steps
        trained = fit(asked, paths[asked.base], base, longer, None)
        say(
            f"layer {asked.base}, the base: {longer * asked.batch} examples, FVU {trained.evaluation.fvu:.4f}"
        )
    scratch = fit(asked, paths[layer], folder / f"scratch-{layer}", steps, None).evaluation
    say(f"layer {layer} from scratch: {steps * asked.batch} examples, FVU {scratch.fvu:.4f}")
    row: dict[str, Any] = {"layer": layer, "scratch": scratch.figures(), "share": None, "base": {}}
    for part in PARTS:
        few = max(1, round(part * steps))
        found = fit(asked, paths[layer], folder / f"base-{layer}-{few}", few, base).evaluation
        row["base"][few * asked.batch] = found.figures()
        say(f"layer {layer} from the base: {few * asked.batch} examples, FVU {found.fvu:.4f}")
        if found.fvu <= scratch.fvu:
            return {**row, "share": few / steps}
    return row


def fit(asked: argparse.Namespace, path: Path, output: Path, steps: int, start: Path | None) -> Trained:
    """Train an autoencoder for a number of steps."""
    settings = Settings(
        architecture=asked.architecture,
        latent_dim=asked.latents,
        k=asked.k,
        batch_size=asked.batch,
        max_steps=steps,
        val_per_epoch=1,
        seed=asked.seed,
    )
    request = Request(path, settings, output, output / "checkpoints", device="cpu")
    threads = torch.get_num_threads()
    return train(replace(request, start=start, num_workers=threads), lambda _: None, lambda *_, **__: None)


if __name__ == "__main__":
    sys.exit(main())
