"""What kinds of sparse autoencoders there are, and their parameters.

Shapes: B examples of a batch, L latents, D activations, n active (example, latent) pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from trainers.common.errors import BadInput

Kind = Literal["relu", "gelu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical"]
KINDS: tuple[Kind, ...] = ("relu", "gelu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
Parameters = dict[str, Tensor]
LEVELS = 5
"""Nested parts of a Matryoshka or hierarchical one; each is twice the one before."""
START_NORM = 0.1
"""Norm of the decoder's rows at the start, where the encoder begins as its transpose."""


@dataclass(frozen=True)
class Architecture:
    """The form of an autoencoder, and what its loss weighs."""

    kind: Kind = "batchtopk"
    n_features: int = 0
    n_latents: int = 16_384
    k: int = 32
    """Active latents: exactly, on average over a batch, or as JumpReLU's target."""
    tied: bool = False
    """The decoder is the encoder's transpose."""
    sparsity_coef: float = 1e-3
    """Weight of mean |z| (relu, gelu), or of JumpReLU's distance from its target."""
    bandwidth: float = 0.1
    """Width of JumpReLU's window around its threshold, within which gradients reach it."""

    def __post_init__(self) -> None:
        """Refuse what no such autoencoder can have."""
        if self.n_latents < 1 or self.k < 1:
            raise BadInput(f"latents ({self.n_latents}) and k ({self.k}) must be at least 1")
        if self.is_selective and self.k > self.n_latents:
            raise BadInput(f"k {self.k} is above the number of latents, {self.n_latents}; lower --k")
        if self.tied and self.kind not in ("relu", "gelu"):
            raise BadInput(f"--tied-weights is for relu and gelu, not for {self.kind}")

    @property
    def is_selective(self) -> bool:
        """Whether k says how many latents are active."""
        return self.kind not in ("relu", "gelu")

    @property
    def centres(self) -> bool:
        """Whether the decoder's bias is subtracted before the encoder."""
        return self.is_selective

    @property
    def over_batch(self) -> bool:
        """Whether active latents are chosen over a batch, and a threshold is kept for single examples."""
        return self.kind in ("batchtopk", "matryoshka")

    def prefixes(self) -> list[int]:
        """Return how many latents each nested part of a Matryoshka autoencoder has; the last has all."""
        sizes = [max(1, self.n_latents >> level) for level in reversed(range(LEVELS))]
        return sorted(set(sizes))

    def counts(self) -> list[int]:
        """Return how many active latents each part of a hierarchical one takes; the last takes all k."""
        return sorted({max(1, self.k >> level) for level in reversed(range(LEVELS))})


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
