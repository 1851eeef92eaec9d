"""Counts epochs, keeps them in the checkpoint directory when it is told to end, and goes on from there."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--epoch_seconds", type=float, required=True)
    parser.add_argument("--prefix")
    options = parser.parse_args()
    kept = Path(os.environ["TWOPHASE_CHECKPOINT_DIR"], "state", "epoch.json")
    done = json.loads(kept.read_text())["done"] if kept.exists() else []

    def keep(*_: object) -> None:
        kept.parent.mkdir(exist_ok=True)
        fresh = kept.with_suffix(".new")
        fresh.write_text(json.dumps({"done": done}))
        fresh.replace(kept)
        sys.exit(130)

    signal.signal(signal.SIGINT, keep)
    print("goes on after", done[-1] if done else "nothing", flush=True)
    for epoch in range(len(done), options.epochs):
        time.sleep(options.epoch_seconds)
        done.append(f"epoch {epoch} of attempt {os.environ['TWOPHASE_ATTEMPT']}")
    Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"done": done}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
