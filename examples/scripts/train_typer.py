"""A perceptron on logical OR, by typer; weights and a history in ./artifacts."""

import csv
import random
from pathlib import Path

import typer


def main(seed: int = 0, epochs: int = 10, lr: float = 0.1, name: str = "or"):
    """Train a perceptron."""
    rng = random.Random(seed)
    weights = [rng.uniform(-1, 1) for _ in range(3)]
    folder = Path("artifacts", name)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "history.csv").open("w", newline="") as stream:
        history = csv.writer(stream)
        history.writerow(["epoch", "mistakes"])
        for epoch in range(epochs):
            mistakes = 0
            for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
                error = int(a or b) - int(weights[0] + weights[1] * a + weights[2] * b > 0)
                mistakes += abs(error)
                weights = [w + lr * error * x for w, x in zip(weights, (1, a, b), strict=True)]
            history.writerow([epoch + 1, mistakes])
    (folder / "weights.txt").write_text("\n".join(map(repr, weights)) + "\n")
    typer.echo(f"{mistakes} mistakes in the last epoch")


if __name__ == "__main__":
    typer.run(main)
