"""Dead latents drawn anew from examples that are reconstructed badly.

Source: Bricken et al., "Towards Monosemanticity" (2023), "Neuron resampling".  What dead latents become are
directions of examples, drawn in proportion to the square of their loss; theirs is no example twice.

Shapes: N examples of a pool, L latents, D activations, d dead latents.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import Parameters, decoder_of

ENCODER_SHARE = 0.2
"""Length of a new encoder row, as a share of the mean one of those alive."""
THRESHOLD_SHARE = 0.5
"""A new JumpReLU threshold, as a share of what its own example reaches: there it is active."""
POOL = 32_768
"""Examples that are looked at, at most."""


def drawn(squares_N: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return the numbers of examples for so many latents, int64 [count]; `squares_N`: their squared errors.

    Drawn on the CPU, so that they depend on the generator alone.
    """
    chances = squares_N.double().cpu().square()
    chances = chances / chances.max().clamp(min=1e-300)
    several = count > int((chances > 0).sum())
    if not chances.any():
        return torch.randint(len(chances), (count,), generator=generator)
    return torch.multinomial(chances, count, replacement=several, generator=generator)


def redrawn(form: Architecture, parameters: Parameters, dead_L: Tensor, x_dD: Tensor) -> Parameters:
    """Return what the rows of dead latents become [d, …], by parameter; `x_dD`: an example for each."""
    alive, seen = ~dead_L, x_dD - parameters["b_dec"] if form.centres else x_dD
    directions = seen / seen.norm(dim=1, keepdim=True).clamp(min=1e-12)
    length = ENCODER_SHARE * _mean_norm(parameters["W_enc"], alive)
    rows = {"W_enc": directions * length, "b_enc": seen.new_zeros(len(seen))}
    if "W_dec" in parameters:
        rows["W_dec"] = directions * _mean_norm(decoder_of(parameters), alive)
    if "threshold" in parameters:
        rows["threshold"] = (rows["W_enc"] * seen).sum(1) * THRESHOLD_SHARE
    return rows


def _mean_norm(matrix_LD: Tensor, alive_L: Tensor) -> Tensor:
    """Return the mean length of the rows of latents that are alive, of all where none is."""
    norms = matrix_LD.norm(dim=1)
    return norms[alive_L].mean() if alive_L.any() else norms.mean()
