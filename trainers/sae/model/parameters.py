"""The parameters of an autoencoder: how they begin, and what else reads of them.

Shapes: L latents, D activations.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture

Parameters = dict[str, Tensor]
START_NORM = 0.1
"""Norm of the decoder's rows at the start, where the encoder begins as its transpose."""


def new_parameters(form: Architecture, mean_D: Tensor, generator: torch.Generator) -> Parameters:
    """Draw the parameters of an autoencoder; `mean_D`: of the activations, where its bias begins."""
    shape, dtype = (form.n_latents, form.n_features), mean_D.dtype
    zeros = torch.zeros(form.n_latents, dtype=dtype)
    if not form.is_selective:
        return _xavier(form, mean_D, generator)
    rows = torch.randn(shape, generator=generator, dtype=torch.float32).to(dtype)
    rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-12) * START_NORM
    parameters = {"W_enc": rows.clone(), "b_enc": zeros, "W_dec": rows, "b_dec": mean_D.clone()}
    if form.kind == "jumprelu":
        parameters["threshold"] = zeros.clone()
    return parameters


def _xavier(form: Architecture, like_D: Tensor, generator: torch.Generator) -> Parameters:
    bound = (6 / (form.n_latents + form.n_features)) ** 0.5
    shape = (form.n_latents, form.n_features)

    def draw() -> Tensor:
        return ((torch.rand(shape, generator=generator) * 2 - 1) * bound).to(like_D.dtype)

    zeros = torch.zeros(form.n_latents, dtype=like_D.dtype)
    parameters = {"W_enc": draw(), "b_enc": zeros, "b_dec": torch.zeros_like(like_D)}
    return parameters if form.tied else {**parameters, "W_dec": draw(), "b_out": torch.zeros_like(like_D)}


def decoder_of(parameters: Parameters) -> Tensor:
    """Return the decoder [L, D]; a tied one is the encoder."""
    return parameters.get("W_dec", parameters["W_enc"])


def output_bias(parameters: Parameters) -> Tensor:
    """Return the bias of the reconstruction: untied ones of the first kind add two."""
    return parameters["b_dec"] + parameters["b_out"] if "b_out" in parameters else parameters["b_dec"]


def check_like(own: Mapping[str, Tensor], found: object) -> None:
    """Raise ValueError unless these are finite tensors of the names, shapes and kinds of our own."""
    if not isinstance(found, Mapping) or found.keys() != own.keys():
        raise ValueError(f"there are to be {', '.join(map(str, own))}")
    for name, tensor in found.items():
        check_tensor(own[name].shape, own[name].dtype, tensor, name)


def check_tensor(shape: torch.Size, dtype: torch.dtype, found: object, name: str) -> None:
    """Raise ValueError for what is no tensor of this shape and kind, or holds NaN or infinities."""
    if not isinstance(found, Tensor) or (found.shape, found.dtype) != (shape, dtype):
        raise ValueError(f"{name} is to be {dtype} of shape {[*shape]}")
    if not bool(torch.isfinite(found).all()):
        raise ValueError(f"{name} holds NaN or infinities")
