"""A training step on all latents: for activations of which many are active, and for GELU."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.dense import dense_loss
from trainers.sae.model.parameters import Parameters, decoder_of, output_bias
from trainers.sae.model.sparse import Result, Weights


def whole_step(
    form: Architecture, parameters: Parameters, x_BD: Tensor, h_BL: Tensor, weights: Weights
) -> Result:
    """Return loss and gradients of a batch of a ReLU autoencoder; `h_BL` becomes its latents."""
    z_BL = h_BL.relu_()
    error = z_BL @ decoder_of(parameters) + output_bias(parameters) - x_BD
    back = error * (2 * weights.error)
    scale = form.sparsity_coef / z_BL.numel()
    active = z_BL > 0
    slope = torch.addmm(error.new_full((1,), scale), back, decoder_of(parameters).t()).mul_(active)
    gradients = {"W_enc": slope.t() @ x_BD, "b_enc": slope.sum(0), "b_dec": back.sum(0)}
    decoder = z_BL.t() @ back
    if "W_dec" in parameters:
        gradients |= {"W_dec": decoder, "b_out": gradients["b_dec"].clone()}
    else:
        gradients["W_enc"] += decoder
    squares, penalty = error.square().sum(), z_BL.sum() * scale
    ordered = {name: gradients[name] for name in parameters}
    return Result(squares * weights.error + penalty, squares, penalty, active.sum(0), ordered)


def differentiated_step(
    form: Architecture, parameters: Parameters, x_BD: Tensor, weights: Weights, dead_L: Tensor | None = None
) -> Result:
    """Return loss and gradients of a batch by automatic differentiation, whatever the form."""
    with torch.enable_grad():
        leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        loss = dense_loss(form, leaves, x_BD, weights, dead_L)
        found = torch.autograd.grad(loss, list(leaves.values()))
    # Two biases that are added share one gradient, and gradients are changed in place.
    gradients = {name: gradient.clone() for name, gradient in zip(leaves, found, strict=True)}
    h_BL = torch.addmm(parameters["b_enc"], x_BD, parameters["W_enc"].t())
    none = loss.new_zeros(())
    return Result(loss.detach(), loss.detach() / weights.error, none, (h_BL > 0).sum(0), gradients)
