"""The three networks of the pMSSM on one GPU: one after the other, packed, stacked, steps recorded.

Without a CUDA device the same measurements run on the CPU with tiny networks: a trial of the script.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmarks.tabular_arms import BATCH, COLUMNS, PROBLEM, members, rows
from trainers.tabular.models.registry import ModelSpec, recipe
from trainers.tabular.training.members import Options
from trainers.tabular.training.stack import Stack

NETWORKS = ("transformer", "tabular_transformer", "mlp")
STACKED = 8
EPOCHS = 5
GOALS = {"mlp": 8.0, "transformer": 3.0, "tabular_transformer": 3.0}
SIZES_OF_A_TRIAL: dict[str, dict[str, int | float]] = {
    "mlp": {"hidden": 32},
    **{name: {"width": 16, "hidden": 32, "blocks": 1} for name in NETWORKS[:2]},
}


def device() -> torch.device:
    """Return the GPU, or the CPU where there is none."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def measured(steps: int, table: Any) -> dict[str, Any]:
    """Return seconds of a step of one member, each way, and their ratios."""
    found = device()
    on_gpu = found.type == "cuda"
    name = torch.cuda.get_device_name(found) if on_gpu else "no CUDA device: a trial on the CPU"
    print(name, file=table)
    steps = 10 * steps if on_gpu else 1
    times = {network: _times(network, found, steps) for network in NETWORKS}
    for network, own in times.items():
        told = "  ".join(f"{way} {seconds * 1e3:8.3f} ms" for way, seconds in own.items())
        print(f"{network:20} {told}", file=table, flush=True)
    ratios = {f"{key}: stacked and recorded over in turn": _ratio(own) for key, own in times.items()}
    together = _all_packed(steps)
    in_turn = sum(own["in turn"] for own in times.values()) * EPOCHS * steps
    ratios["three networks: packed over in turn"] = round(in_turn / together, 3)
    for key, ratio in ratios.items():
        goal = GOALS.get(key.split(":")[0]) if on_gpu else None
        print(f"{key:54} {ratio:7.3f}{f'  (goal {goal:g})' if goal else ''}", file=table)
    return {"device": name, "step_seconds": times, "packed_seconds": together, "ratios": ratios}


def packed(network: str, steps: int) -> float:
    """Return the seconds of some epochs of one network, which begin when the parent says so."""

    def wait_for_the_others() -> None:
        print("ready", flush=True)
        sys.stdin.readline()

    return _seconds("in turn", network, device(), steps, wait_for_the_others)


def _ratio(own: Mapping[str, float]) -> float:
    return round(own["in turn"] / own["stacked"], 3)


def _all_packed(steps: int) -> float:
    """Return the seconds until three processes, each with a network, have taken the same steps at once."""
    words = [sys.executable, "-m", "benchmarks.tabular", "--steps", str(steps), "--packed"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen([*words, network], **pipes) for network in NETWORKS]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit("a packed process failed; its last lines are above")
    return max(float(json.loads(answer.splitlines()[-1])) for answer in answers)


def _times(network: str, found: torch.device, steps: int) -> dict[str, float]:
    members_of = {"in turn": 1, "recorded": 1, "stacked": STACKED}
    return {
        way: _seconds(way, network, found, steps) / (EPOCHS * steps * count)
        for way, count in members_of.items()
    }


def _seconds(
    way: str, network: str, found: torch.device, steps: int, before: Callable[[], None] = lambda: None
) -> float:
    """Return the seconds of some epochs after the first, which warms up and records."""
    sizes = SIZES_OF_A_TRIAL[network] if found.type == "cpu" else {}
    spec = ModelSpec(network, COLUMNS, PROBLEM, sizes)
    examples = rows((steps + 1) * BATCH).to(found, torch.float32)
    own = members(network, STACKED if way == "stacked" else 1, steps * BATCH, BATCH)
    options = Options.of(recipe(network, PROBLEM), epochs=100, device=found, graphs=way != "in turn")
    stack = Stack(spec, own, examples, options)
    stack.epoch(0)
    _wait(found)
    before()
    started = time.perf_counter()
    for number in range(1, EPOCHS + 1):
        stack.epoch(number)
    _wait(found)
    return time.perf_counter() - started


def _wait(found: torch.device) -> None:
    if found.type == "cuda":
        torch.cuda.synchronize(found)
