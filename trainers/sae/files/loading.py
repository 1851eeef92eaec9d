"""An autoencoder from wherever it lies: the kind of file tells how it is read."""

from __future__ import annotations

from pathlib import Path

import torch

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.sae.files import dictionary_learning, saelens, sparsify
from trainers.sae.files.saved import SavedSae
from trainers.sae.files.seed import read_seed

UNLAYERED = ("sae.safetensors", "sae_metadata.json")
"""Ours where no layer was named; sparsify has a file of the first name, and none of the second."""
READERS = {
    saelens.WEIGHTS: saelens.read_saelens,
    sparsify.WEIGHTS: sparsify.read_sparsify,
    dictionary_learning.WEIGHTS: dictionary_learning.read_dictionary_learning,
}


def load_sae(path: Path) -> SavedSae:
    """Return the autoencoder of a file or folder; BadInput where there is none, or more than one.

    It is tried on an example: what does not fit together is found here, and not in the middle of its use.
    """
    with reading(path, "an autoencoder"):
        found = _read(path)
        for name, value in found.parameters.items():
            if not torch.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinity")
        example = torch.zeros(1, found.form.n_features, dtype=found.parameters["W_enc"].dtype)
        if found.reconstruct(example).shape != example.shape:
            raise ValueError("its encoder and its decoder are of different widths")
    return found


def _read(path: Path) -> SavedSae:
    if path.is_file():
        return read_seed(path)
    if all((path / name).is_file() for name in UNLAYERED):
        return read_seed(path / UNLAYERED[0])
    for name, read in READERS.items():
        if (path / name).is_file():
            return read(path)
    found = sorted(path.glob("sae_*.safetensors")) or sorted(path.glob("layers.*"))
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise BadInput(f"{path}: one autoencoder is wanted, found {names}: name its file or folder")
    return _read(found[0])
