"""Run schedules, and say what came of them: `python -m tests.simulation --schedules 10000 --seed 1`."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from collections import Counter
from collections.abc import Sequence

from tests.simulation.schedules import world_of
from tests.simulation.world import Violation

_EVERY = 500


def main(argv: Sequence[str] | None = None) -> int:
    """Print how many schedules and events there were, and each promise that was broken; 1 where one was."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first; the others follow")
    options = parser.parse_args(argv)
    events, broken, faults = 0, list[str](), Counter[str]()
    for seed in range(options.seed, options.seed + options.schedules):
        world = world_of(seed)
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the agents' own words
                world.run()
        except Violation as violation:
            broken.append(f"seed {seed}: {violation}")
            print(broken[-1], flush=True)
        events += world.events
        faults.update(world.tally.faults)
        if (seed - options.seed) % _EVERY == _EVERY - 1:
            print(f"{seed - options.seed + 1} schedules, {events} events", file=sys.stderr, flush=True)
    struck = sum(faults.values())
    seconds = time.process_time()
    print(f"{options.schedules} schedules, {events} events, {struck} faults of {len(faults)} kinds, ", end="")
    print(f"{seconds:.0f} s of processor time, {len(broken)} promises broken")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
