"""How long a base model takes to many workers, simulated, beside one transfer.

The decisions are those of a run (`master/core/running/spread`), the links are made up: of each machine so
many bytes per second each way.  The ratio is of the last worker with which nothing is wrong to one transfer,
the worst of some seeds.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from tests.unit.master.core.running.spread.spreading_world import Scene, SpreadingWorld

WRONG: dict[str, dict[str, float]] = {
    "all well": {},
    "one slow (¼)": {"slow": 0.25},
    "one dies": {"dies": True},
    "one lies": {"lies": True},
    "nobody has it": {"holders": 0},
}


def ratio(scene: Scene, seed: int) -> float:
    """Return how many times the ideal the last of the workers needed with which nothing is wrong."""
    world = SpreadingWorld(scene, seed)
    done = world.run()
    return max(done[name] for name in done if name != world.odd) / scene.ideal_s


def main() -> None:
    """Print a table."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--workers", type=int, nargs="+", default=[8, 16, 64])
    flags.add_argument("--mib", type=int, default=4096, help="how large the base model is")
    flags.add_argument("--mbit", type=float, default=200.0, help="of each link, each way")
    flags.add_argument("--seeds", type=int, default=10)
    given = flags.parse_args()
    print("| workers | from the head node alone | " + " | ".join(WRONG) + " |")
    print("| ---" * (len(WRONG) + 2) + " |")
    for workers in given.workers:
        scene = Scene(workers, given.mib << 20, given.mbit * 1e6 / 8)
        star = ratio(replace(scene, peers=False), 0)
        worst = (
            max(ratio(replace(scene, **wrong), seed) for seed in range(given.seeds))  # type: ignore[arg-type]
            for wrong in WRONG.values()
        )
        print(
            f"| {workers} | {star:.2f} | " + " | ".join(f"{found:.2f}" for found in worst) + " |", flush=True
        )


if __name__ == "__main__":
    main()
