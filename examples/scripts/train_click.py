"""Word counts of a made-up text, by click; results go where --out says."""

import json
import random
from collections import Counter
from pathlib import Path

import click

WORDS = ("base", "model", "worker", "slot", "seed", "epoch")


@click.command()
@click.option("--seed", default=0, show_default=True)
@click.option("--words", "number", default=500, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("results/counts"), show_default=True)
@click.option("--shuffle/--no-shuffle", default=True)
def main(seed, number, out, shuffle):
    """Count the words of a text drawn by SEED."""
    rng = random.Random(seed)
    text = [rng.choice(WORDS) for _ in range(number)]
    if shuffle:
        rng.shuffle(text)
    out.mkdir(parents=True, exist_ok=True)
    counts = Counter(zip(text, text[1:], strict=False))
    (out / "bigrams.json").write_text(json.dumps({" ".join(pair): n for pair, n in sorted(counts.items())}))
    click.echo(f"{len(counts)} different pairs of words")


if __name__ == "__main__":
    main()
