"""An autoencoder that works on activations as they are, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.saved_files import read_tensors_file
from trainers.sae.evaluation import reconstruct
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import Parameters, decoder_of


@dataclass(frozen=True)
class SavedSae:
    """Form, parameters, and what is known besides."""

    form: Architecture
    parameters: Parameters
    threshold: Tensor
    """What an example by itself has to reach where latents are chosen over a batch; one number."""
    metadata: dict[str, Any] = field(default_factory=dict)

    def reconstruct(self, x_BD: Tensor) -> Tensor:
        """Return what it makes of activations [B, D]."""
        return reconstruct(self.form, self.parameters, x_BD, self.threshold)

    def unfolded(self, factor: float) -> Parameters:
        """Return parameters for activations that are scaled by a factor."""
        return folded(self.parameters, 1 / factor)


def folded(parameters: Parameters, factor: float) -> Parameters:
    """Return parameters for activations as they are, from those for activations scaled by a factor."""
    change = {"W_enc": factor, "W_dec": 1 / factor, "b_dec": 1 / factor, "b_out": 1 / factor}
    if "W_dec" not in parameters and factor != 1:
        raise BadInput("a tied autoencoder cannot be trained on scaled activations: leave --normalise out")
    return {name: value * change.get(name, 1.0) for name, value in parameters.items()}


def as_jumprelu(sae: SavedSae) -> SavedSae:
    """Return what does the same with a threshold for every latent, and decoder rows of norm 1."""
    norms = decoder_of(sae.parameters).norm(dim=1).clamp(min=1e-12)
    threshold = sae.parameters.get("threshold", sae.threshold.expand_as(norms)).clamp(min=0)
    parameters = {
        "W_enc": sae.parameters["W_enc"] * norms[:, None],
        "b_enc": sae.parameters["b_enc"] * norms,
        "W_dec": sae.parameters["W_dec"] / norms[:, None],
        "b_dec": sae.parameters["b_dec"],
        "threshold": threshold * norms,
    }
    return replace(sae, form=replace(sae.form, kind="jumprelu"), parameters=parameters)


def read_wide_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, float32 or wider; BadInput where there are none."""
    tensors = read_tensors_file(path)
    return {name: value if value.dtype == torch.float64 else value.float() for name, value in tensors.items()}


def taken(tensors: dict[str, Tensor], name: str, path: Path) -> Tensor:
    """Return a tensor by its name; BadInput with the names that are there."""
    if name not in tensors:
        raise BadInput(f"{path}: no tensor {name!r}; it holds {', '.join(sorted(tensors))}")
    return tensors[name]
