"""Write the jobs of a search over batch compositions, for the participants of `digits_participants.py`.

    python examples/digits_participants.py --output data/digits
    python examples/batch_composition.py --output jobs.json

Five shares of the target in a batch, for three targets each, are 15 experiments from three base models.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
FOLDS = (0, 1, 2)
PARTICIPANTS = [f"p{number:02d}" for number in range(1, 7)]


def jobs(data_path: str, participants: list[str]) -> list[dict[str, Any]]:
    """Return the jobs of the search, one results folder a composition."""
    common = {
        "participants": participants,
        "mode": "full_fine_tuning",
        "model": "mlp",
        "batch_size": 64,
        "lr": 2e-3,
        "window_size": 8,
        "n_classes": 10,
        "epochs": 15,
        "early_stopping_patience": 5,
        "early_stopping_patience_target": 5,
        "data_path": data_path,
    }
    return [
        {**common, "fold": fold, "target_batch_pct": share, "prefix": f"batch_comp_{round(100 * share)}"}
        for share in SHARES
        for fold in FOLDS
    ]


def main() -> None:
    """Read the flags and write the jobs file."""
    parser = argparse.ArgumentParser(description="Write the jobs of a search over batch compositions.")
    parser.add_argument("--output", type=Path, required=True, help="the jobs file to write")
    parser.add_argument(
        "--data-path", default="data/digits", help="folder of the files, as the workers see it"
    )
    parser.add_argument("--participants", nargs="+", default=PARTICIPANTS, help="at least three names")
    args = parser.parse_args()
    if len(args.participants) < len(FOLDS):
        parser.error(f"--participants names {len(args.participants)}; at least {len(FOLDS)} are needed")
    found = jobs(args.data_path, args.participants)
    args.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{args.output}: {len(found)} experiments, {len(FOLDS)} base models")


if __name__ == "__main__":
    main()
