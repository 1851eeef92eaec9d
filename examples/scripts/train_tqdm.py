"""A random walk under a progress bar."""

import argparse
import random
import time

from tqdm import tqdm

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=200)
args = parser.parse_args()

rng = random.Random(args.seed)
place = 0.0
with open("walk.txt", "w") as walk:
    for _ in tqdm(range(args.steps), desc="walking"):
        place += rng.gauss(0, 1)
        time.sleep(0.001)
        walk.write(f"{place:.6f}\n")
print("ended at", place)
