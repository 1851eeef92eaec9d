"""Our kernels for autoencoders beside dense matrices compiled, at two sizes."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import torch

from benchmarks.sae.arms import run_arm
from benchmarks.sae.gpu import SHAPES, SMALL_SHAPES, difference

OURS, DENSE = "ours:topk", "compiled:topk"
BATCH, SMALL_BATCH = 4096, 64


def main() -> int:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu_check.sae", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    figures = {"largest difference from the plain step": difference(torch.device(asked.device))}
    failed: list[str] = []
    for features, latents, k in SMALL_SHAPES if asked.small else SHAPES:
        sizes = {"features": features, "latents": latents, "k": k}
        sizes |= {"batch": SMALL_BATCH if asked.small else BATCH, "steps": 2 if asked.small else 50}
        words = [word for name, value in sizes.items() for word in (f"--{name}", str(value))]
        rows = [run_arm(sys.executable, arm, [*words, "--device", asked.device]) for arm in (OURS, DENSE)]
        failed += [f"{row['arm']}, d {features}: {row['failed']}" for row in rows if "failed" in row]
        figures |= _compared(f"d {features}", *rows)
    print(json.dumps({"figures": figures, "failed": "; ".join(failed)}))
    return 1 if failed else 0


def _compared(size: str, ours: dict[str, Any], dense: dict[str, Any]) -> dict[str, float]:
    rates = {"ours": ours.get("tokens_per_second"), "compiled dense": dense.get("tokens_per_second")}
    found = {f"{arm}, {size}, M tokens/s": rate / 1e6 for arm, rate in rates.items() if rate}
    if all(rates.values()):
        found[f"ours over compiled dense, {size}"] = rates["ours"] / rates["compiled dense"]
    return found


if __name__ == "__main__":
    sys.exit(main())
