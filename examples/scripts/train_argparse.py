"""A line fitted by gradient descent; checkpoints go to ./runs, the last one is gone on from."""

import argparse
import json
import random
from pathlib import Path


def latest(folder):
    checkpoints = sorted(folder.glob("checkpoint_*.json"))
    return json.loads(checkpoints[-1].read_text()) if checkpoints else {"epoch": 0, "slope": 0.0}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    points = [(x, 3 * x + rng.gauss(0, 0.1)) for x in (rng.random() for _ in range(50))]
    folder = Path("runs") / f"seed{args.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    state = latest(folder)
    for epoch in range(state["epoch"], args.epochs):
        for x, y in points:
            state["slope"] -= args.lr * 2 * (state["slope"] * x - y) * x
        state["epoch"] = epoch + 1
        (folder / f"checkpoint_{epoch + 1:03}.json").write_text(json.dumps(state))
        print(f"epoch {epoch + 1}/{args.epochs}  slope {state['slope']:.4f}")
    (folder / "metrics.json").write_text(json.dumps({"slope": state["slope"]}))


if __name__ == "__main__":
    main()
