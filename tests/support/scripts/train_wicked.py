"""A script whose words would run in a page that took them for markup; it waits for a file before it ends."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

WORDS = (
    "</script><script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 2'>",
    "\x1b[31mred\x1b[0m \x1b]8;;javascript:window.ran=3\x07link\x1b]8;;\x07",
    "‮turned round⁦",
    "{{constructor.constructor('window.ran = 4')()}}",
)

parser = argparse.ArgumentParser()
parser.add_argument("--folder", type=Path)
parser.add_argument("--number", type=int)
parser.add_argument("--wicked")
parser.add_argument("--seed", type=int)
options = parser.parse_args()

for word in WORDS:
    print(word, flush=True)
with Path(os.environ["TWOPHASE_PROGRESS_FILE"]).open("a") as progress:
    for epoch in (1, 2):
        told = {"epoch": epoch, "epochs": 4, "metrics": {WORDS[0]: 0.5, WORDS[3]: epoch / 10}}
        progress.write(json.dumps(told) + "\n")
        progress.flush()
        time.sleep(0.3)
deadline = time.monotonic() + 120
while not (options.folder / "end").exists() and time.monotonic() < deadline:
    time.sleep(0.1)
if options.number == 2:
    print(f"ValueError: no luck {options.seed} {WORDS[1]}")
    sys.exit(1)
metrics = {"acc": options.number + options.seed / 10, WORDS[1]: 1.0}
log = f'epoch,"{WORDS[0]}","{WORDS[4]}"\n0,0.5,1\n1,0.25,nan\n2,0.125,3\n'
(Path(os.environ["TWOPHASE_OUTPUT_DIR"]) / "metrics.csv").write_text(log)
(Path(os.environ["TWOPHASE_OUTPUT_DIR"]) / "metrics.json").write_text(json.dumps(metrics))
