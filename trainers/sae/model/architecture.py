"""What kinds of sparse autoencoders there are.  Without torch, so that flags are told at once.

Shapes: B examples of a batch, L latents, D activations, n active (example, latent) pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trainers.common.errors import BadInput

Kind = Literal["relu", "gelu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical"]
KINDS: tuple[Kind, ...] = ("relu", "gelu", "topk", "batchtopk", "jumprelu", "matryoshka", "hierarchical")
Target = Literal["quadratic", "tanh"]
TARGETS: tuple[Target, ...] = ("quadratic", "tanh")
"""What asks a JumpReLU autoencoder for few active latents."""
LEVELS = 5
"""Nested parts of a Matryoshka or hierarchical one; each is twice the one before."""


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
    """Weight of mean |z| (relu, gelu), or of what asks a JumpReLU one for few active latents."""
    bandwidth: float = 0.1
    """Width of JumpReLU's window around its threshold, within which gradients reach it."""
    target: Target = "quadratic"
    """(L0 / k - 1)², whose gradient reaches thresholds alone; or the sum of tanh(4 · z · |decoder row|) over
    k, whose gradient reaches all parameters."""

    def __post_init__(self) -> None:
        """Refuse what no such autoencoder can have."""
        if self.n_latents < 1 or self.k < 1:
            raise BadInput(f"latents ({self.n_latents}) and k ({self.k}) must be at least 1")
        if self.is_selective and self.k > self.n_latents:
            raise BadInput(f"k {self.k} is above the number of latents, {self.n_latents}; lower --k")
        if self.target != "quadratic" and self.kind != "jumprelu":
            raise BadInput(f"--sparsity-target {self.target} is for jumprelu, not for {self.kind}")
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
