"""What results came from: settings, names and a digest of the data."""

from __future__ import annotations

import hashlib
from typing import Any

from trainers.common.activations.hdf5 import open_hdf5
from trainers.probes.reading.hdf5 import ActivationFile
from trainers.probes.reading.labels import Targets
from trainers.probes.settings import Settings

DIGEST_ROWS = 16
"""Rows of each split that take part in recognising the data."""


def fingerprint(
    file: ActivationFile, targets: Targets, settings: Settings, layer: str | None
) -> dict[str, Any]:
    """Return what results of one layer have to agree in to be of the same training."""
    return {
        **settings.fingerprint(),
        "layer": layer,
        "actions": targets.names,
        "data": digest(file),
    }


def digest(file: ActivationFile) -> str:
    """Recognise the data wherever its file lies: by shapes, labels and some rows."""
    digest = hashlib.sha256(b"probes-data\0")
    for name, split in file.splits.items():
        digest.update(f"{name} {split.n_rows} {split.n_features} {split.dtype}\0".encode())
        digest.update(split.labels.tobytes())
        step = max(1, split.n_rows // DIGEST_ROWS)
        with open_hdf5(split.path) as opened:
            data = opened[split.dataset]
            for row in range(0, split.n_rows, step):
                digest.update(data[row].tobytes())
    return digest.hexdigest()
