"""Settings as `key=value` or flags, a new outputs/<date>/<time> for each run, as Hydra makes them."""

import json
import logging
import os
import random
import sys
from datetime import datetime
from pathlib import Path

CONFIG = {"seed": 0, "steps": 20, "lr": 0.05}


def overridden(words):
    """Return the settings; `--key value` and `key=value` are the same."""
    text = " ".join(words).replace("--", "\n").replace("=", " ")
    pairs = [line.split() for line in text.splitlines() if line.split()]
    return {**CONFIG, **{name: type(CONFIG[name])(value) for name, value in pairs}}


def main():
    config = overridden(sys.argv[1:])
    now = datetime.now()
    folder = Path("outputs") / now.strftime("%Y-%m-%d") / now.strftime("%H-%M-%S")
    (folder / ".hydra").mkdir(parents=True)
    lines = [f"{name}: {value}\n" for name, value in config.items()]
    (folder / ".hydra" / "config.yaml").write_text("".join(lines))
    logging.basicConfig(filename=folder / "train_hydra_style.log", level=logging.INFO)
    rng, weight = random.Random(config["seed"]), 1.0
    for step in range(config["steps"]):
        weight -= config["lr"] * (weight - rng.random())
    logging.info("weight %.4f after %d steps", weight, step + 1)
    (folder / "model.json").write_text(json.dumps({"weight": weight}))
    latest = Path("outputs") / "latest"
    latest.unlink(missing_ok=True)
    os.symlink(folder.relative_to("outputs"), latest)
    print(f"weight {weight:.4f}, written to {folder}")


if __name__ == "__main__":
    main()
