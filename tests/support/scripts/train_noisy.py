"""Writes what no terminal should be given, waits for its test, and fails the first time."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PIECE_BYTES = 60_000


def noise(seed: int, pieces: int) -> Iterator[bytes]:
    """Yield colours, a line that is written over, what turns text round, any bytes."""
    chance = random.Random(seed)
    for number in range(pieces):
        colour = b"\x1b[31mline %08d\x1b[0m \r" % number
        yield colour + "\u202egnp.exe\u202c ".encode() + chance.randbytes(PIECE_BYTES) + b"\n"


def main() -> None:
    """Be the job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--pieces", type=int)
    job = parser.parse_args()
    attempt = int(os.environ["TWOPHASE_ATTEMPT"])

    def wait_for(name: str) -> None:
        sys.stdout.flush()
        while attempt == 1 and not (job.folder / name).exists():
            time.sleep(0.02)

    print("ready")
    wait_for("begin")
    for number, piece in enumerate(noise(attempt, job.pieces if attempt == 1 else 3)):
        if number == job.pieces // 2:
            wait_for("cut")
        sys.stdout.buffer.write(piece)
    wait_for("fail")
    if attempt == 1:
        sys.exit("no luck")


if __name__ == "__main__":
    main()
