"""Small participants on disk, and jobs that run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from trainers.personalization.__main__ import main
from worker_agent.protocol import script_contract

NAMES = ("ann", "bob", "cyd")
Run = Callable[..., int]
Save = Callable[..., None]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute on one thread: for such small networks others only wait, and bits are promised for one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _save_split(path: Path, rows: int, n_classes: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(rows) % n_classes
    X = torch.randn(rows, 2, 12, generator=generator) + 1.5 * y[:, None, None]
    torch.save((X, y.float()), path)


@pytest.fixture
def save_split() -> Save:
    """Write windows [rows, 2, 12] whose level tells their class, with noise."""
    return _save_split


@pytest.fixture
def data_path(tmp_path: Path, save_split: Save) -> Path:
    """A folder with three participants and two classes."""
    folder = tmp_path / "data"
    folder.mkdir()
    for person, name in enumerate(NAMES):
        for number, (split, rows) in enumerate({"train": 22, "val": 9, "test": 11}.items()):
            save_split(folder / f"{name}_{split}.pt", rows, 2, seed=10 * person + number)
    return folder


@pytest.fixture
def run(data_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a job under the script contract: `run("name", "--mode", …)`; results land in `tmp_path / name`."""

    def start(name: str, *flags: str) -> int:
        folder = tmp_path / name
        for part in ("output", "checkpoints"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        environ = {
            script_contract.JOB_ID: name,
            script_contract.ATTEMPT: "1",
            script_contract.PHASE: "1" if "base_only" in flags else "2",
            script_contract.BASE_MODEL_HASH: "0" * 64,
            script_contract.BASE_MODEL_DIR: str(tmp_path / "base_model"),
            script_contract.OUTPUT_DIR: str(folder / "output"),
            script_contract.CHECKPOINT_DIR: str(folder / "checkpoints"),
            script_contract.PROGRESS_FILE: str(folder / "progress.jsonl"),
        }
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        common = ["--fold", "1", "--participants", *NAMES, "--data_path", str(data_path)]
        small = ["--window_size", "12", "--epochs", "4", "--lr", "0.01", "--device", "cpu"]
        return main([*common, *small, *flags])

    return start
