"""Small activations with known features, and small trainings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainers.sae.files.saved import SavedSae
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import new_parameters
from trainers.sae.run import Request, Trained, train
from trainers.sae.settings import Settings

CLOCK_FIELDS = ("tokens_per_second", "eta_seconds")
"""What differs between runs that are equal otherwise."""
SMALL: dict[str, Any] = {
    **{"latent_dim": 48, "k": 4, "batch_size": 32, "max_epochs": 3},
    **{"precision": "float32", "dense_above": 0.2, "kernels": "plain"},
}
"""What would be timed is given, so that two trainings are the same."""


def activations(rows: int = 400, features: int = 12, seed: int = 0) -> torch.Tensor:
    """Return sums of a few of 24 directions."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(24, features, generator=generator)
    active = (torch.rand(rows, 24, generator=generator) < 0.15).float()
    return active @ directions + 0.5


def write(folder: Path, rows: int = 400) -> Path:
    """Write activations to a file."""
    path = folder / "x.npy"
    np.save(path, activations(rows).numpy())
    return path


def request(folder: Path, path: Path, **settings: Any) -> Request:
    """Return a small training with its output in a folder."""
    return Request(
        activation_path=path,
        settings=Settings(**{**SMALL, **settings}),
        output_dir=folder,
        checkpoint_dir=folder / "checkpoints",
        layer_idx=3,
        device="cpu",
        num_workers=1,
    )


def sae(kind: Any, **options: Any) -> SavedSae:
    """Return an autoencoder with random weights."""
    form = Architecture(kind, 12, 48, 4, **options)
    generator = torch.Generator().manual_seed(3)
    parameters = new_parameters(form, torch.full((12,), 0.5), generator)
    for name, value in parameters.items():
        parameters[name] = value + 0.1 * torch.randn(value.shape, generator=generator)
    if "threshold" in parameters:
        parameters["threshold"] = parameters["threshold"].abs()
    return SavedSae(form, parameters, torch.tensor(0.2), {"layer_idx": 3, "model_name": "m"})


def quiet(asked: Request) -> Trained:
    """Train without a word."""
    return train(asked, lambda _: None, lambda *_, **__: None)


def log(folder: Path) -> list[dict[str, Any]]:
    """Return the records of a training, but for what the clock says."""
    lines = (folder / "train_log.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in CLOCK_FIELDS} for line in lines]
