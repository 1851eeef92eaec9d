"""A real, tiny training script that follows the script contract: ridge regression by gradient descent."""

import argparse
import json
import os
import random
import socket
import time
from pathlib import Path


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="full_fine_tuning")
    parser.add_argument("--participants", nargs="+", required=True)
    parser.add_argument("--fold", type=int, required=True)
    parser.add_argument("--target_batch_pct", type=float)
    parser.add_argument("--prefix")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--base_seconds", type=float, default=0.0)
    return parser.parse_args()


def samples(name, count=64):
    """Points on a line of the participant's own slope."""
    source = random.Random(name)
    slope = source.uniform(-1, 1)
    return [(x, slope * x + source.gauss(0, 0.01)) for x in (source.uniform(-1, 1) for _ in range(count))]


def train(weight, points, lr, epochs, progress):
    for epoch in range(epochs):
        gradient = sum((weight * x - y) * x for x, y in points) / len(points)
        weight -= lr * gradient
        with open(progress, "a") as stream:
            stream.write(
                json.dumps({"epoch": epoch + 1, "epochs": epochs, "metrics": {"weight": weight}}) + "\n"
            )
    return weight


def note_the_end():
    """Tell whoever asked for it which attempt came to its end, and where."""
    if "LEDGER" in os.environ:
        row = {
            "job": os.environ["TWOPHASE_JOB_ID"],
            "attempt": int(os.environ["TWOPHASE_ATTEMPT"]),
            "host": socket.gethostname(),
        }
        with open(os.environ["LEDGER"], "a") as stream:
            stream.write(json.dumps(row) + "\n")


def main():
    args = parse()
    progress = os.environ["TWOPHASE_PROGRESS_FILE"]
    base_dir = Path(os.environ["TWOPHASE_BASE_MODEL_DIR"])
    target = args.participants[args.fold]
    if args.mode == "base_only":
        points = [p for name in args.participants if name != target for p in samples(name)]
        weight = train(0.0, points, args.lr, 20, progress)
        time.sleep(args.base_seconds)
        (base_dir / "best_base_model.pt").write_text(json.dumps({"weight": weight}))
        print("trained the base model", os.environ["TWOPHASE_BASE_MODEL_HASH"])
        note_the_end()
        return
    weight = json.loads((base_dir / "best_base_model.pt").read_text())["weight"]
    time.sleep(args.seconds)
    weight = train(weight, samples(target), args.lr, 20, progress)
    output = Path(os.environ["TWOPHASE_OUTPUT_DIR"])
    (output / "metrics.json").write_text(json.dumps({"weight": weight, "pct": args.target_batch_pct}))
    print("fitted", target)
    note_the_end()


if __name__ == "__main__":
    main()
