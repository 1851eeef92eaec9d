"""Folders of dictionary_learning: `ae.pt` with `config.json`.  They are read, not written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trainers.common.errors import BadInput
from trainers.common.files import read_tensors
from trainers.common.json_files import read_json_file
from trainers.sae.files.saved import SavedSae, taken
from trainers.sae.model.architecture import Architecture, Kind

WEIGHTS, CONFIG = "ae.pt", "config.json"
CLASSES: dict[str, Kind] = {"AutoEncoderTopK": "topk", "BatchTopKSAE": "batchtopk"}


def read_dictionary_learning(folder: Path) -> SavedSae:
    """Return the autoencoder of a folder."""
    path = folder / WEIGHTS
    try:
        tensors = read_tensors(path)
    except (FileNotFoundError, ValueError) as error:
        raise BadInput(f"{path}: missing or damaged ({error})") from error
    trainer: dict[str, Any] = read_json_file(folder / CONFIG).get("trainer", {})
    kind = CLASSES.get(str(trainer.get("dict_class")))
    if kind is None:
        raise BadInput(f"{folder}: {trainer.get('dict_class')!r} is not read; known are {', '.join(CLASSES)}")
    weight = taken(tensors, "encoder.weight", path)
    k = int(tensors["k"]) if "k" in tensors else int(trainer["k"])
    form = Architecture(kind, weight.shape[1], weight.shape[0], k, sparsity_coef=0.0)
    parameters = {"W_enc": weight, "b_enc": taken(tensors, "encoder.bias", path)}
    parameters["W_dec"] = taken(tensors, "decoder.weight", path).t().contiguous()
    parameters["b_dec"] = taken(tensors, "b_dec", path)
    return SavedSae(form, parameters, torch.as_tensor(tensors.get("threshold", 0.0)).float())
