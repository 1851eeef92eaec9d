"""Run as `python -m letters.train` from the folder that holds the package."""

import argparse
import json
import random
from pathlib import Path

from .chain import followers


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=200)
    args = parser.parse_args()
    rng, counts, letters = random.Random(args.seed), followers(), ["e"]
    while len(letters) < args.length:
        after = counts[letters[-1]]
        letters += rng.choices(list(after), list(after.values()))
    out = Path("letters_out")
    out.mkdir(exist_ok=True)
    (out / "sample.txt").write_text("".join(letters) + "\n")
    (out / "followers.json").write_text(json.dumps(counts, sort_keys=True))
    print("".join(letters)[:60])


if __name__ == "__main__":
    main()
