"""A base model of a few bytes, and jobs that wait for each other: none ends before two have begun."""

import argparse
import os
import pathlib
import time

flags = argparse.ArgumentParser()
flags.add_argument("--seed")
flags.add_argument("--mode")
flags.add_argument("--meet")
job = flags.parse_args()
folder = pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"])
if os.environ["TWOPHASE_PHASE"] == "1":
    time.sleep(0.6)  # jobs of no time are given out in advance
    (folder / "model.bin").write_bytes(b"w" * 65536)
else:
    assert len((folder / "model.bin").read_bytes()) == 65536
    meet = pathlib.Path(job.meet)
    (meet / f"{os.environ['TWOPHASE_JOB_ID'].replace('/', ',')}").touch()
    until = time.monotonic() + 30
    while len(list(meet.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.02)
