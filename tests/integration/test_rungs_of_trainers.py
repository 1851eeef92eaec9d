"""Trainers that claim it, a process for each training: 10, 20, then 40 epochs are 40 at once, to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
PEOPLE = ("ann", "bob", "cyd")


def train(trainer: str, *flags: str) -> None:
    """Run a training to its end in a process of its own."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "random"}
    argv = [sys.executable, "-m", f"trainers.{trainer}", *flags]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Windows [rows, 2, 12] of three people, whose level tells their class."""
    generator = torch.Generator().manual_seed(0)
    for person in PEOPLE:
        for split, rows in (("train", 40), ("val", 12), ("test", 14)):
            y = torch.arange(rows) % 3
            windows = torch.randn(rows, 2, 12, generator=generator) + y[:, None, None]
            torch.save((windows, y), tmp_path / f"{person}_{split}.pt")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [
        ("--model", "mlp", "--seeds", "2"),
        ("--model", "cnn", "--conv_channels", "4", "8", "--use_augmentation", "--average", "0"),
    ],
)
def test_a_base_model_of_people(people: Path, flags: tuple[str, ...]) -> None:
    def rung(name: str, epochs: int, *more: str) -> Path:
        folder = people / name
        data = ("--fold", "0", "--participants", *PEOPLE, "--data_path", str(people), "--window_size", "12")
        length = ("--epochs", str(epochs), "--schedule_epochs", "40", "--lr", "1e-3", "--batch_size", "16")
        kept = ("--keep_state", "--base_model_dir", str(folder), "--mode", "base_only", "--device", "cpu")
        train("personalization", *data, *length, *kept, *flags, *more)
        return folder

    lower = rung("ten", 10)
    middle = rung("twenty", 20, "--resume_model_dir", str(lower))
    resumed = rung("forty", 40, "--resume_model_dir", str(middle))
    assert contents(resumed) == contents(rung("once", 40))
