"""The same losses as plain expressions of dense matrices, for automatic differentiation: the reference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import Codes
from trainers.sae.model.levels import level_of, n_levels
from trainers.sae.model.parameters import Parameters, decoder_of, output_bias
from trainers.sae.model.selection import select, topk
from trainers.sae.model.sparse import TANH_SCALE, Weights


def encoded(form: Architecture, parameters: Parameters, x_BD: Tensor) -> Tensor:
    """Return what the latents see, before their activation [B, L]."""
    centred = x_BD - parameters["b_dec"] if form.centres else x_BD
    return torch.addmm(parameters["b_enc"], centred, parameters["W_enc"].t())


def dense_loss(
    form: Architecture, parameters: Parameters, x_BD: Tensor, weights: Weights, dead_L: Tensor | None = None
) -> Tensor:
    """Return the loss of a batch; `dead_L`: latents that have to reconstruct what is left."""
    h_BL = encoded(form, parameters, x_BD)
    z_BL, penalty = _activation(form, parameters, h_BL, weights.sparsity)
    made = [z @ decoder_of(parameters) + output_bias(parameters) for z in _parts(form, z_BL, h_BL)]
    loss = sum(((one - x_BD).square().sum() * (weights.error / len(made)) for one in made), penalty)
    if dead_L is not None and weights.auxiliary and dead_L.any():
        rest = (x_BD - made[-1]).detach()
        z_dead = _masked(h_BL, dead_codes(form, h_BL.detach(), dead_L))
        loss = loss + (z_dead @ decoder_of(parameters) - rest).square().sum() * weights.auxiliary
    return loss


def dead_codes(form: Architecture, h_BL: Tensor, dead_L: Tensor) -> Codes:
    """Return the largest values of dead latents, for each example at most half its activations many."""
    (latents,) = dead_L.nonzero(as_tuple=True)
    found = topk(h_BL[:, latents], min(len(latents), max(1, form.n_features // 2)))
    return Codes(found.rows, latents[found.columns], found.values, (h_BL.shape[0], h_BL.shape[1]))


def _activation(
    form: Architecture, parameters: Parameters, h_BL: Tensor, share: float
) -> tuple[Tensor, Tensor]:
    if form.kind in ("relu", "gelu"):
        z = functional.relu(h_BL) if form.kind == "relu" else functional.gelu(h_BL)
        return z, form.sparsity_coef * z.abs().mean()
    if form.kind == "jumprelu":
        threshold = parameters["threshold"]
        z, active = _JumpReLU.apply(h_BL, threshold, form.bandwidth, form.target == "tanh")
        if form.target == "tanh":
            sums = (TANH_SCALE * z * parameters["W_dec"].norm(dim=1)).tanh().sum(1)
            return z, form.sparsity_coef * share / form.k * sums.mean()
        return z, form.sparsity_coef * (active.sum(1).mean() / form.k - 1) ** 2
    return _masked(h_BL, select(form, h_BL.detach(), None)), h_BL.new_zeros(())


def _masked(h_BL: Tensor, codes: Codes) -> Tensor:
    mask = torch.zeros_like(h_BL, dtype=torch.bool)
    mask[codes.rows, codes.columns] = True
    return functional.relu(torch.where(mask, h_BL, 0))


def _parts(form: Architecture, z_BL: Tensor, h_BL: Tensor) -> list[Tensor]:
    codes = select(form, h_BL.detach(), None) if n_levels(form) > 1 else None
    levels = None if codes is None else level_of(form, codes)
    if codes is None or levels is None:
        return [z_BL]
    level_BL = torch.full_like(z_BL, n_levels(form))
    level_BL[codes.rows, codes.columns] = levels.to(z_BL.dtype)
    return [torch.where(level_BL <= level, z_BL, 0) for level in range(n_levels(form))]


class _JumpReLU(torch.autograd.Function):
    """h where it is above the threshold, and 1 there; gradients reach the threshold within a window.

    The window ends at 0, so that only positive values are looked at.
    `to_all`: what reaches the threshold reaches h as well, with the other sign.
    """

    @staticmethod
    def forward(
        ctx: Any, h: Tensor, threshold: Tensor, bandwidth: float, to_all: bool
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(h, threshold)
        ctx.bandwidth, ctx.to_all = bandwidth, to_all
        active = (h > threshold).to(h.dtype)
        return h * active, active

    @staticmethod
    def backward(ctx: Any, back_z: Tensor, back_active: Tensor) -> tuple[Tensor, Tensor, None, None]:
        h, threshold = ctx.saved_tensors
        inside = ((h - threshold).abs() < ctx.bandwidth / 2) & (h > 0)
        inside = inside.to(h.dtype) / ctx.bandwidth
        to_threshold = -(back_z * threshold + back_active) * inside
        to_h = back_z * (h > threshold) - (to_threshold if ctx.to_all else 0)
        return to_h, to_threshold.sum(0), None, None
