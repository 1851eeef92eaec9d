"""A training step on the active latents alone: loss and gradients, without automatic differentiation.

The gradients are those of `dense` to rounding; a test holds that for every architecture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import ByLatent, Codes, latent_sums
from trainers.sae.model.levels import level_of, n_levels
from trainers.sae.model.parameters import Parameters, decoder_of, output_bias


@dataclass(frozen=True)
class Weights:
    """What the parts of a loss count."""

    error: float
    """Of the sum of squared errors."""
    auxiliary: float = 0.0
    """Of the squared errors of what dead latents make of the rest."""


@dataclass(frozen=True)
class Result:
    """A step's loss and gradients."""

    loss: Tensor
    squares: Tensor
    """Sum of squared errors of the whole reconstruction."""
    penalty: Tensor
    """What the loss adds for sparsity, weighed."""
    counts: Tensor
    """In how many examples each latent is active [L]."""
    gradients: Parameters


def sparse_step(
    form: Architecture,
    parameters: Parameters,
    x_BD: Tensor,
    codes: Codes,
    weights: Weights,
    dead: Codes | None = None,
) -> Result:
    """Return loss and gradients of a batch.

    `codes`: the values before the activation at what may be active; `dead`: the same of dead latents that
    have to reconstruct what is left.
    """
    step = _Step(form, parameters, x_BD)
    active, inside = _activated(form, parameters, codes)
    squares, loss = step.reconstruct(active, inside, weights.error)
    if dead is not None and weights.auxiliary:
        loss = loss + step.auxiliary(dead, weights.auxiliary)
    penalty = step.penalise(active, inside)
    counts = torch.bincount(active.columns, minlength=form.n_latents)
    return Result(loss + penalty, squares, penalty, counts, step.finished())


def _activated(form: Architecture, parameters: Parameters, codes: Codes) -> tuple[Codes, Codes | None]:
    """Return the active codes, and for JumpReLU all that lie in the window around its threshold."""
    if form.kind != "jumprelu":
        return codes, None
    distance = codes.values - parameters["threshold"][codes.columns]
    return codes.chosen(distance > 0), codes.chosen(distance.abs() < form.bandwidth / 2)


class _Step:
    """Collects the gradients of one batch."""

    def __init__(self, form: Architecture, parameters: Parameters, x_BD: Tensor) -> None:
        self._form, self._parameters, self._x = form, parameters, x_BD
        self._decoder = decoder_of(parameters)
        self._centred = x_BD - parameters["b_dec"] if form.centres else x_BD
        self._residual = x_BD
        self._gradients: Parameters = {}

    def reconstruct(self, active: Codes, inside: Codes | None, weight: float) -> tuple[Tensor, Tensor]:
        """Add the gradients of every nested part's error; return squares of the whole, and the loss."""
        levels = level_of(self._form, active)
        parts = (
            [active]
            if levels is None
            else [active.chosen(levels == one) for one in range(n_levels(self._form))]
        )
        made, errors, loss = output_bias(self._parameters).expand_as(self._x), [], self._x.new_zeros(())
        for part in parts:
            made = made + part.decoded(self._decoder)
            errors.append(made - self._x)
            loss = loss + errors[-1].square().sum() * (weight / len(parts))
        self._residual = -errors[-1]
        back = torch.zeros_like(self._x)
        for part, error in zip(reversed(parts), reversed(errors), strict=True):
            back = back.add(error, alpha=2 * weight / len(parts))
            self._backward(part, back)
        self._add("b_dec", back.sum(0))
        if "b_out" in self._parameters:
            self._add("b_out", back.sum(0))
        if inside is not None:
            self._threshold(inside, inside.products(back, self._decoder))
        return errors[-1].square().sum(), loss

    def auxiliary(self, dead: Codes, weight: float) -> Tensor:
        """Add the gradients of what dead latents miss of the residual; return that part of the loss."""
        error = dead.decoded(self._decoder) - self._residual
        self._backward(dead, error * (2 * weight))
        return error.square().sum() * weight

    def penalise(self, active: Codes, inside: Codes | None) -> Tensor:
        """Add the gradients of the sparsity that is asked for; return that part of the loss."""
        form, examples = self._form, active.shape[0]
        if form.kind == "relu":
            scale = form.sparsity_coef / (examples * form.n_latents)
            self._encoder(active, torch.full_like(active.values, scale))
            return active.values.sum() * scale
        if inside is None:
            return self._x.new_zeros(())
        excess = len(active.values) / examples / form.k - 1
        slope = -2 * form.sparsity_coef * excess / (form.k * form.bandwidth * examples)
        self._add("threshold", latent_sums(inside, torch.full_like(inside.values, slope)))
        return self._x.new_tensor(form.sparsity_coef * excess**2)

    def finished(self) -> Parameters:
        """Return the gradients of all parameters, in their order."""
        gradients = self._gradients
        if self._form.centres:
            gradients["b_dec"] = gradients["b_dec"] - gradients["b_enc"] @ self._parameters["W_enc"]
        for name in self._parameters.keys() - gradients.keys():
            gradients[name] = torch.zeros_like(self._parameters[name])
        return {name: gradients[name] for name in self._parameters}

    def _backward(self, codes: Codes, back_BD: Tensor) -> None:
        by_latent = ByLatent.of(codes)
        self._add("W_dec" if "W_dec" in self._parameters else "W_enc", by_latent.sums(codes.values, back_BD))
        self._encoder(codes, codes.products(back_BD, self._decoder), by_latent)

    def _encoder(self, codes: Codes, slope: Tensor, by_latent: ByLatent | None = None) -> None:
        slope = slope * (codes.values > 0)
        self._add("W_enc", (by_latent or ByLatent.of(codes)).sums(slope, self._centred))
        self._add("b_enc", latent_sums(codes, slope))

    def _threshold(self, inside: Codes, slope: Tensor) -> None:
        threshold = self._parameters["threshold"][inside.columns]
        self._add("threshold", latent_sums(inside, -slope * threshold / self._form.bandwidth))

    def _add(self, name: str, gradient: Tensor) -> None:
        if name in self._gradients:
            self._gradients[name] += gradient
        else:
            self._gradients[name] = gradient
