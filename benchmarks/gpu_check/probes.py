"""Fused probes on a device: recorded, launched one by one, and beside eight threads that train each alone."""

from __future__ import annotations

import argparse
import json
import sys

from benchmarks.probe_arms import on_device
from trainers.common.devices import resolve_device

FULL, SMALL = (1_000_000, 4096, 6), (2_000, 32, 2)
"""Rows, features, and epochs."""


def main() -> int:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu_check.probes", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    rows, features, epochs = SMALL if asked.small else FULL
    found = on_device(resolve_device(asked.device), rows, features, epochs)
    (threads_over_fused,) = found["ratios"].values()
    figures = {
        "an epoch, s": found["seconds_per_epoch"],
        "50 epochs, s": found["seconds_of_50_epochs"],
        **{f"an epoch, {way}, s": took for way, took in found["seconds_per_epoch_of_other_ways"].items()},
        "to read all once, s": found["seconds_to_read_at_3.35_TB_per_s"],
        "45 probes by 8 threads over 360 columns fused": threads_over_fused,
    }
    print(json.dumps({"figures": figures, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
