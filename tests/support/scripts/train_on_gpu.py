"""A script that takes memory of its (fake) GPU and meets others: what it saw goes into a common log."""

import argparse
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--log", required=True)
parser.add_argument("--together", type=int, default=1, help="wait until so many have begun")
parser.add_argument(
    "--needs", type=int, default=0, help="bytes of GPU memory; without a whole GPU it is not enough"
)
parser.add_argument("--seconds", type=float, default=0.0, help="take so long at least")
options = parser.parse_args()

log, gpu = Path(options.log), os.environ["CUDA_VISIBLE_DEVICES"]


def say(text: str) -> None:
    with log.open("a") as stream:
        stream.write(f"{text} {options.model} {gpu or 'cpu'}\n")


say("begin")
if gpu:
    Path(os.environ["FAKE_GPUS"], "apps", str(os.getpid())).write_text(f"{gpu} {2 * 10**9}")
if options.needs and os.environ["TWOPHASE_ATTEMPT"] == "1":
    sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB.")
deadline = time.monotonic() + 60
while log.read_text().count("begin") < options.together:
    if time.monotonic() > deadline:
        sys.exit(f"waited in vain for {options.together} to begin")
    time.sleep(0.01)
time.sleep(options.seconds)
say("end")
Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text('{"loss": 0.5}')
