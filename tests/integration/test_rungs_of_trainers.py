"""Trainers that claim it, a process for each training: 10, 20, then 40 epochs are 40 at once, to the bit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from worker_agent.protocol import script_contract

ROOT = Path(__file__).parents[2]
PEOPLE = ("ann", "bob", "cyd")


def train(trainer: str, *flags: str, **environ: str) -> None:
    """Run a training to its end in a process of its own."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "random", **environ}
    argv = [sys.executable, "-m", f"trainers.{trainer}", *flags]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


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


@pytest.mark.slow
@pytest.mark.parametrize("kernels", ["plain", "compiled"])
def test_a_base_autoencoder(tmp_path: Path, kernels: str) -> None:
    if kernels == "compiled" and shutil.which("g++") is None:
        pytest.skip("compiled kernels need g++")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(400, 12)).astype(np.float32) + 0.5)

    def rung(name: str, epochs: int, lower: Path | None = None) -> Path:
        folder = tmp_path / name
        told = {
            *((script_contract.JOB_ID, name), (script_contract.ATTEMPT, "1"), (script_contract.PHASE, "1")),
            *((script_contract.KEEP_STATE, "1"), (script_contract.BASE_MODEL_DIR, str(folder))),
            (script_contract.OUTPUT_DIR, str(tmp_path / "no output")),
            (script_contract.CHECKPOINT_DIR, str(tmp_path / f"checkpoints of {name}")),
            (script_contract.PROGRESS_FILE, str(tmp_path / "progress")),
            *([(script_contract.RESUME_MODEL_DIR, str(lower))] if lower else []),
        }
        length = ("--max_epochs", str(epochs), "--schedule_epochs", "40", "--batch_size", "64")
        timed = ("--precision", "float32", "--dense_above", "0.2", "--kernels", kernels)
        form = ("--latent_dim", "32", "--k", "4", "--num_workers", "1", "--device", "cpu")
        path = ("--mode", "base_only", "--base_activation_path", str(tmp_path / "x.npy"))
        train("sae", *path, *length, *timed, *form, **dict(told))
        return folder

    resumed = rung("forty", 40, rung("twenty", 20, rung("ten", 10)))
    once = contents(rung("once", 40))
    timed = {name for name in once if name.endswith("_metadata.json") or name.startswith("train_log")}
    assert {name: once[name] for name in {*once} - timed} == {
        name: value for name, value in contents(resumed).items() if name not in timed
    }
    assert "sae.safetensors" in {*once} - timed
