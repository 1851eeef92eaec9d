"""`sae_layer_<i>.safetensors` with `sae_layer_<i>_metadata.json`: what this trainer writes first.

Names are those of a module of linear layers: `encoder.weight` [L, D], `encoder.bias`, `decoder_bias`, and
untied `decoder.weight` [D, L] with `decoder.bias`, which is added to the other one; `threshold` [L] where
there is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.common.saved_files import write_tensors_file
from trainers.sae.files.saved import SavedSae, read_wide_tensors, taken
from trainers.sae.model.architecture import KINDS, Architecture

ACTIVATIONS = {"relu": "relu", "gelu": "gelu"}


def write_seed(folder: Path, stem: str, sae: SavedSae) -> Path:
    """Write an autoencoder and its metadata; return the file of weights."""
    path, parameters = folder / f"{stem}.safetensors", sae.parameters
    tensors = {"encoder.weight": parameters["W_enc"], "encoder.bias": parameters["b_enc"]}
    tensors["decoder_bias"] = parameters["b_dec"]
    if "W_dec" in parameters:
        tensors["decoder.weight"] = parameters["W_dec"].t()
        tensors["decoder.bias"] = parameters.get("b_out", torch.zeros_like(parameters["b_dec"]))
    if "threshold" in parameters:
        tensors["threshold"] = parameters["threshold"]
    write_tensors_file(path, tensors)
    write_json(folder / f"{stem}_metadata.json", {**described(sae), **sae.metadata})
    return path


def described(sae: SavedSae) -> dict[str, Any]:
    """Return what a reader has to know beside the weights."""
    form = sae.form
    return {
        "input_dim": form.n_features,
        "latent_dim": form.n_latents,
        "tied_weights": form.tied,
        "activation_fn": ACTIVATIONS.get(form.kind, form.kind),
        "sparsity_coef": form.sparsity_coef,
        "architecture": form.kind,
        "k": form.k if form.is_selective else None,
        "apply_b_dec_to_input": form.centres,
        "batch_threshold": float(sae.threshold) if form.over_batch else None,
    }


def read_seed(path: Path) -> SavedSae:
    """Return the autoencoder of a file of weights whose metadata lies beside it."""
    tensors = read_wide_tensors(path)
    metadata = read_json_file(path.with_name(f"{path.stem}_metadata.json"))
    weight = taken(tensors, "encoder.weight", path)
    kind = metadata.get("architecture", metadata.get("activation_fn", "relu"))
    if kind not in KINDS:
        raise BadInput(f"{path}: architecture {kind!r} is not known; known are {', '.join(KINDS)}")
    latents, features = weight.shape
    form = Architecture(
        kind,
        features,
        latents,
        metadata.get("k") or 1,
        "decoder.weight" not in tensors,
        metadata["sparsity_coef"],
    )
    parameters = {"W_enc": weight, "b_enc": taken(tensors, "encoder.bias", path)}
    parameters["b_dec"] = taken(tensors, "decoder_bias", path)
    if not form.tied:
        parameters["W_dec"] = tensors["decoder.weight"].t().contiguous()
        if not form.is_selective:
            parameters["b_out"] = taken(tensors, "decoder.bias", path)
    if kind == "jumprelu":
        parameters["threshold"] = taken(tensors, "threshold", path)
    return SavedSae(form, parameters, torch.tensor(metadata.get("batch_threshold") or 0.0), metadata)
