"""`train_sae` as a real process: killed at random steps it ends, to the bit, as if it had never been."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.runs import ROOT, Run
from tests.unit.trainers.sae.data import activations, log

SIZES = ("--latent-dim", "64", "--k", "4", "--batch-size", "64")
CHOSEN = ("--precision", "float32", "--dense-above", "0.5")
"""What would be timed at the start of each training, and may come out either way."""
LENGTH = ("--max-epochs", "6", "--val-per-epoch", "8", "--patience", "0")
WEIGHTS = "sae_layer_3.safetensors"
STEPS = 6 * 28


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, activations(2000, 16).numpy())
    return path


def start(stored: Path, output: Path) -> subprocess.Popen[str]:
    flags = ("--activation-path", stored, "--layer-idx", 3, "--output-dir", output, *SIZES, *LENGTH, *CHOSEN)
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "trainers.sae", *map(str, flags), "--num-workers", "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def follow(process: subprocess.Popen[str], last: int) -> int | None:
    """Read what a training says until a validation after step `last`; None where it ends before."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.match(r"epoch \d+  step (\d+) ", line)
        if found and int(found[1]) >= last:
            return int(found[1])
    assert process.wait() == 0
    return None


def train(stored: Path, output: Path) -> None:
    with start(stored, output) as process:
        assert follow(process, STEPS + 1) is None


def kill_at(stored: Path, output: Path, step: int, pause_s: float) -> int | None:
    """Start a training and kill it a moment after a step; return where it was, None where it ended."""
    with start(stored, output) as process:
        reached = follow(process, step)
        if reached is not None:
            time.sleep(pause_s)
            process.kill()
        return reached


def check_killed_is_whole(stored: Path, folder: Path, kills: int) -> None:
    chance = random.Random(kills)
    whole, broken = folder / "whole", folder / "broken"
    train(stored, whole)
    steps = sorted(chance.sample(range(1, STEPS - 20), kills))
    reached = [kill_at(stored, broken, step, chance.uniform(0, 0.02)) for step in steps]
    assert None not in reached and not (broken / WEIGHTS).exists()
    train(stored, broken)
    for name in (WEIGHTS, "evaluation.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name
    assert log(broken) == log(whole) and len(log(whole)) == 6 * 8


def test_killed_twice_it_ends_to_the_bit_as_if_it_had_not_been(stored: Path, tmp_path: Path) -> None:
    check_killed_is_whole(stored, tmp_path, 2)


@pytest.mark.slow
def test_killed_ten_times_it_ends_to_the_bit_as_if_it_had_not_been(stored: Path, tmp_path: Path) -> None:
    check_killed_is_whole(stored, tmp_path, 10)


def attempts_below(folder: Path) -> list[int]:
    """Return the processes of trainings whose files lie in a folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode(errors="replace").split("\0")
            inside = (place.parent / "cwd").readlink().is_relative_to(folder)
        except OSError:  # it has ended
            continue
        if inside and any("sae" in word for word in words):
            found.append(int(place.parent.name))
    return found


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_that_was_killed_goes_on_on_its_worker(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "20")
    state = tmp_path / "state"
    worker = {"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(state)}
    flags = [*SIZES, *LENGTH, *CHOSEN, "--num-workers", "1", "--layer-idx", "3"]
    fields = {
        flag.removeprefix("--").replace("-", "_"): value
        for flag, value in zip(flags[::2], flags[1::2], strict=True)
    }
    job = {**fields, "activation_path": str(stored), "prefix": "saes"}
    run = Run(tmp_path / "jobs", [worker], {"base_model": False, "jobs": [job]}, script=None)
    with run.start("--trainer", "sae", "--executor", "process", "--retries", "1") as process:
        until(lambda: [*state.rglob("sae_checkpoint.pt")])
        attempts = attempts_below(state)
        assert attempts
        for attempt in attempts:
            os.kill(attempt, 9)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    train(stored, tmp_path / "whole")
    (weights,) = run.layout.experiments.rglob(WEIGHTS)
    assert weights.read_bytes() == (tmp_path / "whole" / WEIGHTS).read_bytes()
    logs = [path for path in run.layout.root.rglob("*.log") if "goes on after step" in path.read_text()]
    assert logs, output
