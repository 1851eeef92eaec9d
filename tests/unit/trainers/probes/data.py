"""Small layers of activations for tests."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from trainers.common.activations.rows import ResidentRows
from trainers.probes.reading.layer import Layer
from trainers.probes.settings import Settings

CPU = torch.device("cpu")
Arrays = dict[str, tuple[NDArray, NDArray]]


def gaussian_classes(
    seed: int = 0, classes: int = 4, features: int = 8, sizes: tuple[int, int, int] = (90, 60, 60)
) -> Arrays:
    """Return (activations, class of each) per split; every class is in every split if it has room."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, features))
    splits = {}
    for name, size in zip(("train", "val", "test"), sizes, strict=True):
        labels = rng.permutation(np.arange(size) % classes)
        splits[name] = ((centres[labels] + rng.normal(size=(size, features))).astype("float32"), labels)
    return splits


def layer_of(arrays: Arrays, settings: Settings) -> Layer:
    """Hold `arrays` in memory as `settings` wants them; labels [N] are classes, [N, P] targets."""
    classes = 1 + max(int(labels.max()) for _, labels in arrays.values())
    rows, targets = {}, {}
    for name, (x, labels) in arrays.items():
        rows[name] = ResidentRows(torch.from_numpy(x).to(settings.storage_dtype))
        wide = labels if labels.ndim == 2 else labels[:, None] == np.arange(classes)
        targets[name] = torch.from_numpy(wide.astype("uint8"))
    return Layer(dict(rows), targets, CPU)


def write_hdf5(path: Path, arrays: Arrays, group: str = "/", **options: object) -> Path:
    """Write `arrays` as an activation file; `options` go to the activations' datasets."""
    with h5py.File(path, "a") as file:
        root = file.require_group(group)
        for name, (x, labels) in arrays.items():
            root.create_dataset(f"{name}/activations", data=x, **options)
            root.create_dataset(f"{name}/labels", data=labels)
    return path
