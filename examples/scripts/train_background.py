"""Starts a server for its plots in the background, as some do, and ends without it."""

import argparse
import os
import random
import subprocess
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

os.makedirs("logs", exist_ok=True)
with open("logs/server.log", "w") as log:
    wait = [sys.executable, "-c", "import time; time.sleep(600)  # the server of the plots"]
    server = subprocess.Popen(wait, stdout=log, stderr=log, start_new_session=True)
with open(f"logs/server.{server.pid}.pid", "w") as stream:
    stream.write(f"{server.pid}\n")
losses = sorted((random.Random(args.seed + n).random() for n in range(20)), reverse=True)
with open("logs/losses.txt", "w") as stream:
    stream.writelines(f"{loss:.4f}\n" for loss in losses)
print(f"last loss {losses[-1]:.4f}; plots are served by process {server.pid}")
