"""A training step on all latents: for activations of which many are active, and for GELU."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.dense import dense_loss
from trainers.sae.model.parameters import Parameters, decoder_of, output_bias
from trainers.sae.model.sparse import Result, Weights


def whole_step(
    form: Architecture, parameters: Parameters, x_BD: Tensor, weights: Weights, *, rounded: bool = False
) -> Result:
    """Return loss and gradients of a batch of a ReLU autoencoder; `rounded`: multiply in bfloat16.

    Sums are in float32 then, and the gradients are, as under autocast.
    """
    x, W_enc, W_dec = (_cast(one, rounded) for one in (x_BD, parameters["W_enc"], decoder_of(parameters)))
    z_BL = torch.addmm(_cast(parameters["b_enc"], rounded), x, W_enc.t()).relu_()
    error = (z_BL @ W_dec).to(x_BD.dtype) + output_bias(parameters) - x_BD
    back = error * (2 * weights.error)
    scale = form.sparsity_coef / z_BL.numel()
    active = z_BL > 0
    slope = torch.addmm(z_BL.new_full((1,), scale), _cast(back, rounded), W_dec.t()).mul_(active)
    gradients = {"W_enc": (slope.t() @ x).to(x_BD.dtype), "b_enc": slope.sum(0, dtype=x_BD.dtype)}
    gradients["b_dec"] = back.sum(0)
    decoder = (z_BL.t() @ _cast(back, rounded)).to(x_BD.dtype)
    if "W_dec" in parameters:
        gradients |= {"W_dec": decoder, "b_out": gradients["b_dec"].clone()}
    else:
        gradients["W_enc"] += decoder
    squares, penalty = error.square().sum(), z_BL.sum(dtype=x_BD.dtype) * scale
    ordered = {name: gradients[name] for name in parameters}
    return Result(squares * weights.error + penalty, squares, penalty, active.sum(0), ordered)


def _cast(value: Tensor, rounded: bool) -> Tensor:
    return value.bfloat16() if rounded else value


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
    loss, penalty = loss.detach(), loss.new_zeros(())
    if form.kind == "gelu":
        penalty = form.sparsity_coef * torch.nn.functional.gelu(h_BL).abs().mean()
    squares = (loss - penalty) / weights.error
    return Result(loss, squares, penalty, (h_BL > 0).sum(0), gradients)
