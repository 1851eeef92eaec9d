"""Directories of sparsify: `config.json`, and `layers.<i>/` with `cfg.json` and `sae.safetensors`."""

from __future__ import annotations

from pathlib import Path

import torch

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.common.saved_files import write_tensors_file
from trainers.sae.files.saved import SavedSae, read_wide_tensors, taken
from trainers.sae.model.architecture import Architecture

CONFIG, WEIGHTS = "cfg.json", "sae.safetensors"


def write_sparsify(folder: Path, layer: int, sae: SavedSae) -> None:
    """Write an autoencoder of k active latents; one that chooses over a batch becomes k an example."""
    if sae.form.kind not in ("topk", "hierarchical", "batchtopk", "matryoshka"):
        raise BadInput(f"sparsify has no {sae.form.kind} autoencoder: leave sparsify out of --export")
    parameters, form = sae.parameters, sae.form
    config = {
        "activation": "topk",
        "expansion_factor": max(1, form.n_latents // form.n_features),
        "normalize_decoder": False,
        "num_latents": form.n_latents,
        "k": form.k,
        "multi_topk": False,
        "skip_connection": False,
        "transcode": False,
        "d_in": form.n_features,
    }
    inner = folder / f"layers.{layer}"
    tensors = {"encoder.weight": parameters["W_enc"], "encoder.bias": parameters["b_enc"]}
    write_tensors_file(
        inner / WEIGHTS, {**tensors, "W_dec": parameters["W_dec"], "b_dec": parameters["b_dec"]}
    )
    write_json(inner / CONFIG, config)
    write_json(folder / "config.json", {"sae": config, "layers": [layer]})


def read_sparsify(folder: Path) -> SavedSae:
    """Return the autoencoder of one `layers.<i>`; BadInput for transcoders, which have other inputs."""
    config, path = read_json_file(folder / CONFIG), folder / WEIGHTS
    tensors = read_wide_tensors(path)
    if config.get("transcode") or "W_skip" in tensors or config.get("activation", "topk") != "topk":
        raise BadInput(
            f"{folder}: only autoencoders with topk are read, no transcoder and no other activation"
        )
    weight = taken(tensors, "encoder.weight", path)
    form = Architecture("topk", weight.shape[1], weight.shape[0], int(config["k"]), sparsity_coef=0.0)
    parameters = {"W_enc": weight, "b_enc": taken(tensors, "encoder.bias", path)}
    parameters |= {"W_dec": taken(tensors, "W_dec", path), "b_dec": taken(tensors, "b_dec", path)}
    return SavedSae(form, parameters, torch.tensor(0.0))
