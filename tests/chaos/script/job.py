"""What jobs of chaos runs do: tell a tally outside what they start from and what they end with.

Phase 1 makes a base model whose bytes follow from its number alone.  Phase 2 reads one, sees for itself
whether it is whole, as formats of checkpoints do, plays its trick if it has one, and writes a result.
"""

import argparse
import json
import os
import random
import sys
import time
import uuid

import hostile
from base_model import base_bytes, digest


class Tally:
    """A file that all workers see; a line is one write, so that lines of several jobs never mix."""

    def __init__(self):
        self.nonce = uuid.uuid4().hex

    def note(self, what, **more):
        known = {
            "what": what,
            "job": os.environ["TWOPHASE_JOB_ID"],
            "attempt": int(os.environ["TWOPHASE_ATTEMPT"]),
            "host": os.uname().nodename,
            "nonce": self.nonce,
            "at": time.clock_gettime(time.CLOCK_REALTIME),  # whatever the worker's clock is made to say
        }
        line = (json.dumps({**known, **more}) + "\n").encode()
        file = os.open(os.environ["TALLY"], os.O_WRONLY | os.O_APPEND)
        os.write(file, line)
        os.close(file)


def write(path, data):
    with open(path, "wb") as stream:
        stream.write(data)


def train(args, tally):
    time.sleep(args.base_seconds)
    data = base_bytes(args.base)
    folder = os.environ["TWOPHASE_BASE_MODEL_DIR"]
    write(f"{folder}/base.bin", data)
    write(f"{folder}/base.sha256", digest(data).encode())
    tally.note("end", base=digest(data))


def read_base(tally):
    """Return the digest of the base model; end as damaged where it is not what it says."""
    folder = os.environ["TWOPHASE_BASE_MODEL_DIR"]
    with open(f"{folder}/base.bin", "rb") as data, open(f"{folder}/base.sha256") as told:
        found, said = digest(data.read()), told.read()
    if found != said:
        tally.note("damaged", base=found)
        sys.exit("the base model is damaged")
    return found


def write_result(args, tally, base):
    folder = os.environ["TWOPHASE_OUTPUT_DIR"]
    record = json.dumps({"nonce": tally.nonce, "base": base}).encode()
    payload = random.Random(tally.nonce).randbytes(args.kilobytes * 1024)
    write(f"{folder}/result.json", record)
    write(f"{folder}/payload.bin", payload)
    return digest(record + payload)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", type=int, required=True)
    parser.add_argument("--base_seconds", type=float, default=0.5)
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--kilobytes", type=int, default=4)
    parser.add_argument("--trick", default="none")
    args = parser.parse_args()
    tally = Tally()
    tally.note("start")
    if os.environ["TWOPHASE_PHASE"] == "1":
        train(args, tally)
        return
    base = read_base(tally)
    time.sleep(args.seconds)
    hostile.TRICKS[args.trick].play()
    tally.note("end", base=base, result=write_result(args, tally, base))


if __name__ == "__main__":
    main()
