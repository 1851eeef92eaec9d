"""Run the nine scripts of `training_scripts`, six at a time, with 50 epochs and 5 folds where they take them.

    python examples/parallel_6workers_50epochs_5folds.py              results, logs and summaries come here
    python examples/parallel_6workers_50epochs_5folds.py --dry-run    the commands alone

What follows the name goes on to `run_all_training`: `--only`, `--retries`, `--batch`, `--cluster-config`, …
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "examples" / "training_scripts"
WORKERS, EPOCHS, FOLDS = 6, 50, 5


def command(further: Sequence[str]) -> list[str]:
    """Return the words for `run_all_training`."""
    numbers = {"--max-workers": WORKERS, "--epochs": EPOCHS, "--folds": FOLDS}
    given = [word for flag, number in numbers.items() for word in (flag, str(number))]
    return ["--parallel", *given, "--discover-root", str(SCRIPTS), *further]


def main(further: Sequence[str] | None = None) -> int:
    """Run them all and return the exit code."""
    sys.path.insert(0, str(ROOT))  # works without an installation too
    from master.commands.run_all_training import main as run_all_training

    return run_all_training(command(sys.argv[1:] if further is None else further))


if __name__ == "__main__":
    sys.exit(main())
