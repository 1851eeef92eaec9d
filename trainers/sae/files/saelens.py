"""Directories of SAELens: `cfg.json`, `sae_weights.safetensors`, `sparsity.safetensors`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.files import write_json
from trainers.common.json_files import read_json_file
from trainers.common.saved_files import write_tensors_file
from trainers.sae.files.saved import SavedSae, as_jumprelu, read_wide_tensors, taken
from trainers.sae.model.architecture import Architecture, Kind
from trainers.sae.model.parameters import decoder_of, output_bias

CONFIG, WEIGHTS, SPARSITY = "cfg.json", "sae_weights.safetensors", "sparsity.safetensors"
ARCHITECTURES: dict[str, Kind] = {"standard": "relu", "topk": "topk", "jumprelu": "jumprelu"}


def write_saelens(folder: Path, sae: SavedSae, frequency_L: Tensor) -> None:
    """Write an autoencoder; those that choose over a batch become JumpReLU, as SAELens saves them."""
    if sae.form.kind == "gelu":
        raise BadInput("SAELens has no GELU autoencoder: leave saelens out of --export")
    name = {"relu": "standard", "topk": "topk", "hierarchical": "topk"}.get(sae.form.kind, "jumprelu")
    saved = as_jumprelu(sae) if name == "jumprelu" else sae
    parameters = saved.parameters
    tensors = {"W_enc": parameters["W_enc"].t(), "W_dec": decoder_of(parameters)}
    tensors |= {"b_enc": parameters["b_enc"], "b_dec": output_bias(parameters)}
    if name == "jumprelu":
        tensors["threshold"] = parameters["threshold"]
    # A tied decoder is the encoder's memory, which a file holds once.
    write_tensors_file(folder / WEIGHTS, {key: value.clone() for key, value in tensors.items()})
    write_tensors_file(folder / SPARSITY, {"sparsity": (frequency_L.float() + 1e-10).log10()})
    write_json(folder / CONFIG, _config(sae, name))


def read_saelens(folder: Path) -> SavedSae:
    """Return the autoencoder of a directory; BadInput for what would give other figures here."""
    config, path = read_json_file(folder / CONFIG), folder / WEIGHTS
    tensors = read_wide_tensors(path)
    kind = ARCHITECTURES.get(str(config.get("architecture")))
    if kind is None:
        known = ", ".join(ARCHITECTURES)
        raise BadInput(
            f"{folder}: architecture {config.get('architecture')!r} is not read; known are {known}"
        )
    if config.get("normalize_activations", "none") != "none":
        raise BadInput(f"{folder}: is not folded: save it with SAELens's save_inference_model first")
    latents, features = taken(tensors, "W_dec", path).shape
    form = Architecture(kind, features, latents, int(config.get("k") or 1), sparsity_coef=0.0)
    parameters = {
        "W_enc": taken(tensors, "W_enc", path).t().contiguous(),
        "b_enc": taken(tensors, "b_enc", path),
    }
    parameters |= {"W_dec": tensors["W_dec"], "b_dec": taken(tensors, "b_dec", path)}
    if kind == "jumprelu":
        parameters["threshold"] = taken(tensors, "threshold", path)
    if config.get("rescale_acts_by_decoder_norm"):
        _fold_norms(parameters)
    _centre(form, parameters, bool(config.get("apply_b_dec_to_input")))
    return SavedSae(form, parameters, torch.tensor(0.0), config.get("metadata") or {})


def _fold_norms(parameters: dict[str, Tensor]) -> None:
    """Give decoder rows norm 1, where SAELens chooses latents as if they had it."""
    norms = parameters["W_dec"].norm(dim=1).clamp(min=1e-12)
    parameters["W_enc"] = parameters["W_enc"] * norms[:, None]
    parameters["b_enc"] = parameters["b_enc"] * norms
    parameters["W_dec"] = parameters["W_dec"] / norms[:, None]


def _centre(form: Architecture, parameters: dict[str, Tensor], centred: bool) -> None:
    """Move what is subtracted before the encoder into its bias, or out of it, as the form has it."""
    shift = parameters["W_enc"] @ parameters["b_dec"]
    if form.centres and not centred:
        parameters["b_enc"] = parameters["b_enc"] + shift
    if centred and not form.centres:
        parameters["b_enc"] = parameters["b_enc"] - shift
    if form.kind == "relu":
        parameters["b_out"] = torch.zeros_like(parameters["b_dec"])


def _config(sae: SavedSae, architecture: str) -> dict[str, Any]:
    metadata = {
        "model_name": sae.metadata.get("model_name"),
        "hook_name": sae.metadata.get("hook_name"),
        "training_architecture": sae.form.kind,
        "layer_idx": sae.metadata.get("layer_idx"),
    }
    return {
        "architecture": architecture,
        "d_in": sae.form.n_features,
        "d_sae": sae.form.n_latents,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": sae.form.centres,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": metadata,
        **({"k": sae.form.k, "rescale_acts_by_decoder_norm": False} if architecture == "topk" else {}),
    }
