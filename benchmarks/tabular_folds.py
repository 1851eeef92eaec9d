"""Eight folds of RealMLP: ours, and those of `pytabkit` in an interpreter that has it, on the same rows."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tabular_arms import BATCH, COLUMNS, PROBLEM, rows
from trainers.tabular.data.inputs import InputStatistics
from trainers.tabular.models.registry import ModelSpec, load, recipe
from trainers.tabular.training.members import Examples, Member, Options
from trainers.tabular.training.train import train_members

FOLDS = 8


def against_pytabkit(python: str, count: int, epochs: int, runs: int) -> dict[str, Any]:
    """Train both in turn, `runs` times with other rows, and compare medians of times and means of errors."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "pytabkit": []}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs):
            path = Path(folder) / f"{run}.npz"
            write_rows(path, count, run)
            ours = [sys.executable, "-m", "benchmarks.tabular", "--folds", str(path), "--epochs", str(epochs)]
            peer = [python, str(Path(__file__).with_name("tabular_pytabkit.py")), str(path), str(epochs)]
            for name, command in (("ours", ours), ("pytabkit", peer)):
                found[name].append(_answer(command))
    seconds = {name: statistics.median(run["seconds"] for run in own) for name, own in found.items()}
    cpu = {name: statistics.median(run["cpu_seconds"] for run in own) for name, own in found.items()}
    errors = {name: statistics.fmean(run["rmse"] for run in own) for name, own in found.items()}
    ratios = {
        "realmlp: folds, ours over pytabkit": round(seconds["pytabkit"] / seconds["ours"], 3),
        "realmlp: folds, CPU time, ours over pytabkit": round(cpu["pytabkit"] / cpu["ours"], 3),
        "realmlp: folds, error of pytabkit over ours": round(errors["pytabkit"] / errors["ours"], 4),
    }
    return {"seconds": seconds, "cpu_seconds": cpu, "rmse": errors, "runs": found, "ratios": ratios}


def write_rows(path: Path, count: int, seed: int) -> None:
    """Write made rows, the rows of eight folds' validation, and as many rows again for the test."""
    made = rows(2 * count, seed)
    order = np.random.default_rng(seed).permutation(count)
    x, y = made.numeric.numpy(), made.targets[:, 0].numpy()
    folds = order[: count // FOLDS * FOLDS].reshape(FOLDS, -1)
    np.savez(path, x=x[:count], y=y[:count], folds=folds, x_test=x[count:], y_test=y[count:], batch=BATCH)


def ours(path: str, epochs: int) -> dict[str, float]:
    """Train eight folds and return the seconds, and the error of their mean prediction on the test rows."""
    data = {name: torch.from_numpy(value) for name, value in np.load(path).items()}
    own, spec = recipe("realmlp", PROBLEM), ModelSpec("realmlp", COLUMNS, PROBLEM)
    started, cpu = time.perf_counter(), time.process_time()
    parts, statistics_of, shifts = [], [], []
    members: list[Member] = []
    for number, val in enumerate(data["folds"]):
        chosen = torch.ones(len(data["x"]), dtype=torch.bool)
        chosen[val] = False
        train = chosen.nonzero().flatten()
        inputs = InputStatistics.fit(own.inputs, data["x"][train])
        y = data["y"][train].double()
        mean, spread = y.mean(), y.std(correction=0)
        targets = ((data["y"].double() - mean) / spread).float().unsqueeze(1)
        parts.append(
            Examples(inputs.apply(data["x"]), torch.zeros(len(chosen), 0, dtype=torch.int64), targets)
        )
        statistics_of.append(inputs)
        shifts.append((float(mean), float(spread)))
        first = number * len(chosen)
        rates = (own.learning_rate, own.weight_decay, own.clip_norm)
        members.append(Member(number, *rates, train + first, val + first))
    options = Options.of(own, epochs=epochs, batch_size=int(data["batch"]))
    trained = train_members(spec, Examples.joined(parts)[0], members, options)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    predicted = []
    with torch.no_grad():
        nothing = torch.zeros(len(data["x_test"]), 0, dtype=torch.int64)
        for one, inputs, (shift, scale) in zip(trained, statistics_of, shifts, strict=True):
            network = load(spec, one.state)
            predicted.append(network(inputs.apply(data["x_test"]), nothing)[:, 0] * scale + shift)
    errors = torch.stack(predicted).mean(0) - data["y_test"]
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "rmse": float(errors.square().mean().sqrt())}


def _answer(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise SystemExit(f"{command[0]} {command[1]} ended with {done.returncode}:\n{last}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer
