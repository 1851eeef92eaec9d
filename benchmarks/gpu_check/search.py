"""A search by the trainer for people, whole commands: fused, resident, warm, packed, and one at a time.

Three base models and fifteen fine-tunes of `cnn` on made-up people whose windows have 6 channels and 3,000
samples.  Arms that this version does not have are left out; one that takes too long is told.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from examples.batch_composition import FOLDS, PARTICIPANTS, jobs
from master.core.planning.job_settings import JOB_SETTINGS
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR, WARM

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S, SMALL_LIMIT_S = 70.0, 240.0
"""For an arm; a machine that tries the script may be busy with other things."""
CHANNELS, CLASSES = 6, 4
FULL, SMALL = (3000, 64, 25), (32, 16, 2)
"""Samples of a window, windows of a person, and epochs."""
GPU_MEMORY = "2GB"
RESIDENT = ("resident", "thread")
"""What the executor is called that runs many jobs in one process."""
CAN_FUSE = "fuse" in {setting.name for setting in JOB_SETTINGS}


@dataclass(frozen=True)
class Arm:
    """A way to run the search."""

    name: str
    executor: str
    fuse: bool = False
    at_a_time: int | None = None
    cards: int | None = None
    """None for all."""


def arms(cards: int | None) -> Iterator[Arm]:
    """Yield the ways, the ones that tell most first; with `cards`, one card beside that many."""
    if cards:
        yield from (Arm("one card", WARM, cards=1), Arm("two", WARM, cards=cards))
        return
    resident = next((each for each in RESIDENT if each in offered()), None)
    if resident and CAN_FUSE:
        yield Arm("fused", resident, fuse=True)
    if resident:
        yield Arm("resident", resident)
    yield from (Arm("warm", WARM), Arm("packed", DEFAULT_EXECUTOR))
    yield Arm("one at a time", DEFAULT_EXECUTOR, at_a_time=1)


def offered() -> list[str]:
    """Return the executors that the trainer offers."""
    manifest = json.loads((ROOT / "trainers" / "personalization" / "manifest.json").read_text())
    executors: list[str] = manifest["executors"]
    return executors


def write_people(folder: Path, samples: int, windows: int) -> None:
    """Write windows of sines, whose frequency is the class and whose phase and noise are the person's."""
    folder.mkdir(parents=True)
    chance = torch.Generator().manual_seed(0)
    times = torch.linspace(0, 6.28, samples)
    for number, name in enumerate(PARTICIPANTS):
        for part in ("train", "val", "test"):
            labels = torch.arange(windows) % CLASSES
            waves = torch.sin((labels[:, None] + 1) * 3 * times + number)[:, None].repeat(1, CHANNELS, 1)
            noise = torch.randn(waves.shape, generator=chance)
            torch.save((waves + noise, labels), folder / f"{name}_{part}.pt")


def search(data: Path, samples: int, epochs: int, small: bool) -> list[dict[str, Any]]:
    """Return the experiments."""
    size: dict[str, Any] = {"model": "cnn", "window_size": samples, "n_classes": CLASSES, "epochs": epochs}
    size |= {"no_plots": True, "gpu_memory": GPU_MEMORY}
    found = [{**job, **size} for job in jobs(str(data), PARTICIPANTS)]
    return found[: len(FOLDS)] if small else found


def run(
    arm: Arm, experiments: list[dict[str, Any]], root: Path, device: str, limit_s: float = LIMIT_S
) -> float:
    """Return the seconds of the whole command.  Raises RuntimeError where it fails or takes too long."""
    root.mkdir(parents=True)
    fields = {"fuse": "auto" if arm.fuse else "off"} if CAN_FUSE else {}
    (root / "jobs.json").write_text(json.dumps([{**job, **fields} for job in experiments]))
    (root / "cluster.json").write_text(json.dumps(cluster(arm, root, device)))
    argv = [
        *(sys.executable, "-m", "master.commands.run_two_phase", "--quiet", "--trainer", "personalization"),
        *("--cluster-config", str(root / "cluster.json"), "--jobs-config", str(root / "jobs.json")),
        *("--run-dir", str(root / "run"), "--executor", arm.executor),
    ]
    # Where this is ended in the middle, the agent ends soon as well, and leaves the device to the next part.
    own = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "TWOPHASE_AGENT_IDLE_S": "5"}
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            argv, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"took more than {limit_s:g} s") from None
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip()[-300:])
    found = list((root / "run" / "experiments").rglob("metrics.json"))
    if sum("base_models" not in str(path) for path in found) != len(experiments):
        raise RuntimeError("not every experiment left figures")
    return time.perf_counter() - begin


def cluster(arm: Arm, root: Path, device: str) -> dict[str, Any]:
    """Return a cluster of this machine alone, all of its files below `root`."""
    server: dict[str, Any] = {"host": "localhost", "python": sys.executable}
    if device == "cpu":
        server |= {"gpus": 0, "cpu_slots": arm.at_a_time or 2}
    else:
        server["gpus"] = arm.cards or "auto"
        if arm.at_a_time:
            server["slots_per_gpu"] = arm.at_a_time
    return {"servers": [server], "state_dir": str(root / "worker"), "env": {"OMP_NUM_THREADS": "1"}}


def ratios(seconds: Mapping[str, float]) -> dict[str, float]:
    """Return what follows from the seconds of the arms."""
    pairs = {
        "warm over resident": ("warm", "resident"),
        "one at a time over packed": ("one at a time", "packed"),
        "one card over two": ("one card", "two"),
    }
    found = {
        name: seconds[above] / seconds[below]
        for name, (above, below) in pairs.items()
        if above in seconds and below in seconds
    }
    packings = [seconds[name] for name in ("warm", "packed") if name in seconds]
    if packings and "fused" in seconds:
        found["best packing over fused"] = min(packings) / seconds["fused"]
    return found


def main() -> int:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser("python -m benchmarks.gpu_check.search", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--cards", type=int)
    asked = parser.parse_args()
    samples, windows, epochs = SMALL if asked.small else FULL
    seconds: dict[str, float] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_people(root / "data", samples, windows)
        experiments = search(root / "data", samples, epochs, asked.small)
        for number, arm in enumerate(arms(asked.cards)):
            try:
                limit_s = SMALL_LIMIT_S if asked.small else LIMIT_S
                seconds[arm.name] = run(arm, experiments, root / f"arm{number}", asked.device, limit_s)
            except RuntimeError as error:
                failed.append(f"{arm.name}: {error}")
            # After each arm: should the part run out of time, what was measured is kept.
            figures = {f"{arm}, s": value for arm, value in seconds.items()} | ratios(seconds)
            print(json.dumps({"figures": figures, "failed": "; ".join(failed)}), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
