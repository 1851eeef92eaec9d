"""A training step on the active latents alone: loss and gradients, without automatic differentiation.

The gradients are those of `dense` to rounding; a test holds that for every architecture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import ByLatent, Codes, latent_sums
from trainers.sae.model.levels import by_level
from trainers.sae.model.parameters import Parameters, decoder_of, output_bias
from trainers.sae.model.products import SPARSE, Products

TANH_SCALE = 4.0
"""Within the penalty `tanh`: Conerly et al., "Dictionary learning optimization techniques" (2025)."""


@dataclass(frozen=True)
class Weights:
    """What the parts of a loss count."""

    error: float
    """Of the sum of squared errors."""
    auxiliary: float = 0.0
    """Of the squared errors of what dead latents make of the rest."""
    sparsity: float = 1.0
    """Share of the penalty `tanh` that is in force."""


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


@dataclass(frozen=True)
class Batch:
    """Examples, and the values before the activation at what may be active of them."""

    x_BD: Tensor
    codes: Codes
    dead: Codes | None = None
    """Of dead latents that have to reconstruct what is left."""


def sparse_step(
    form: Architecture, parameters: Parameters, batch: Batch, weights: Weights, products: Products = SPARSE
) -> Result:
    """Return loss and gradients of a batch; `products`: the way to form them."""
    codes, dead = batch.codes, batch.dead
    step = _Step(form, parameters, batch.x_BD, products)
    window = Window.of(form, parameters, codes, weights.sparsity)
    active = codes if window is None else codes.chosen(window.active)
    squares, loss = step.reconstruct(codes, window, weights)
    if dead is not None and weights.auxiliary:
        loss = loss + step.auxiliary(dead, weights.auxiliary)
    penalty = step.penalise(active, window) + step.penalty
    counts = torch.bincount(active.columns, minlength=form.n_latents)
    return Result(loss + penalty, squares, penalty, counts, step.finished())


@dataclass(frozen=True)
class Saturating:
    """A penalty on active latents that grows with their strength up to 1 each, and its gradients."""

    penalty: Tensor
    slopes: Tensor
    """By values [n], of what is near too."""
    of_decoder: Tensor
    """[L, D]"""

    @classmethod
    def of(
        cls, form: Architecture, parameters: Parameters, codes: Codes, active: Tensor, share: float
    ) -> Saturating:
        """Return the penalty of the codes that are active, bool [n]; `share` of it is in force."""
        decoder, weight = parameters["W_dec"], form.sparsity_coef * share / (form.k * codes.shape[0])
        lengths = decoder.norm(dim=1).clamp(min=1e-12)
        length, values = lengths[codes.columns], codes.values * active
        tanh = (TANH_SCALE * values * length).tanh()
        slope = (1 - tanh.square()) * (weight * TANH_SCALE)
        by_length = latent_sums(codes, slope * values) / lengths
        return cls(tanh.sum() * weight, slope * length, by_length[:, None] * decoder)


@dataclass(frozen=True)
class Window:
    """Where the pairs of a JumpReLU batch lie, and what reaches thresholds there."""

    active: Tensor
    """Above their threshold, bool [n]."""
    inside: Tensor
    """Near it, where gradients reach it, bool [n]."""
    near: Codes
    """Those inside."""
    width: float
    """Of the window."""
    saturating: Saturating | None
    """What asks for few active latents, where that reaches all parameters."""

    @classmethod
    def of(cls, form: Architecture, parameters: Parameters, codes: Codes, share: float) -> Window | None:
        """Return where codes lie; None for other architectures, of which all are active."""
        if form.kind != "jumprelu":
            return None
        distance = codes.values - parameters["threshold"][codes.columns]
        inside = distance.abs() < form.bandwidth / 2
        active = distance > 0
        tanh = Saturating.of(form, parameters, codes, active, share) if form.target == "tanh" else None
        return cls(active, inside, codes.chosen(inside), form.bandwidth, tanh)

    def threshold_gradient(self, parameters: Parameters, slope: Tensor, pull: float) -> Tensor:
        """Return the gradient of the thresholds [L]; `slope`: what the loss changes by with each near value
        [n], `pull`: with how many there are, at each.
        """
        threshold = parameters["threshold"][self.near.columns]
        return latent_sums(self.near, pull - slope * threshold / self.width)

    def to_encoder(self, slope: Tensor, threshold: Tensor) -> Tensor:
        """Return by what the loss changes with what latents see, by what it changes with their values [n]."""
        return slope * (self.active + self.inside * threshold / self.width)


def distance_from_k(form: Architecture, active: int, examples: int) -> tuple[float, float]:
    """Return a JumpReLU penalty for a number of active latents, and its gradient at a near threshold."""
    excess = active / examples / form.k - 1
    slope = -2 * form.sparsity_coef * excess / (form.k * form.bandwidth * examples)
    return form.sparsity_coef * excess**2, slope


@dataclass(frozen=True)
class Missed:
    """What the nested parts of a reconstruction miss, of which each counts with those before it."""

    loss: Tensor
    squares: Tensor
    """Sum of the squared errors of the whole."""
    rest_BD: Tensor
    """What the whole misses."""
    back_PBD: Tensor
    """Gradient of the loss at each part."""

    @classmethod
    def of(cls, made_PBD: Tensor, target_BD: Tensor, weight: float) -> Missed:
        """Return it for what each part makes by itself; `weight` is of the sum of squared errors."""
        errors = _sums_so_far(made_PBD).sub_(target_BD)
        squares_P, share = errors.square().sum((1, 2)), weight / len(errors)
        back = _sums_so_far((errors * (2 * share)).flip(0)).flip(0)
        return cls(squares_P.sum() * share, squares_P[-1], -errors[-1], back)


class _Step:
    """Collects the gradients of one batch."""

    def __init__(self, form: Architecture, parameters: Parameters, x_BD: Tensor, products: Products) -> None:
        self._form, self._parameters, self._x, self._products = form, parameters, x_BD, products
        self._decoder = decoder_of(parameters)
        self._centred = x_BD - parameters["b_dec"] if form.centres else x_BD
        self._residual = x_BD
        self.penalty = x_BD.new_zeros(())
        """What `reconstruct` adds to the loss for sparsity."""
        self._gradients: Parameters = {}

    def reconstruct(self, codes: Codes, window: Window | None, weights: Weights) -> tuple[Tensor, Tensor]:
        """Add the gradients of every nested part's error; return squares of the whole, and the loss."""
        x_BD, form, weight = self._x, self._form, weights.error
        active = by_level(form, codes if window is None else codes.chosen(window.active))
        shape = (active.shape[0] // len(x_BD), *x_BD.shape)
        made_PBD = self._products.decoded(active, self._decoder).view(shape)
        missed = Missed.of(made_PBD, x_BD - output_bias(self._parameters), weight)
        self._residual, back = missed.rest_BD, missed.back_PBD
        self._add("b_dec", back[0].sum(0))
        if "b_out" in self._parameters:
            self._add("b_out", self._gradients["b_dec"].clone())
        back = back.reshape(-1, form.n_features)
        if window is None:
            self._backward(active, back, self._products.at(active, back, self._decoder) + self._pull())
        else:
            self._jump(codes, active, window, back)
        return missed.squares, missed.loss

    def auxiliary(self, dead: Codes, weight: float) -> Tensor:
        """Add the gradients of what dead latents miss of the residual; return that part of the loss."""
        error = self._products.decoded(dead, self._decoder) - self._residual
        back = error * (2 * weight)
        self._backward(dead, back, self._products.at(dead, back, self._decoder))
        return error.square().sum() * weight

    def penalise(self, active: Codes, window: Window | None) -> Tensor:
        """Return the part of the loss that asks for sparsity; add the gradients that reach thresholds."""
        form, examples = self._form, active.shape[0]
        if form.kind == "relu":
            return active.values.sum() * self._pull()
        if window is None or window.saturating is not None:
            return self._x.new_zeros(())
        penalty, pull = distance_from_k(form, len(active.values), examples)
        none = torch.zeros_like(window.near.values)
        self._add("threshold", window.threshold_gradient(self._parameters, none, pull))
        return self._x.new_tensor(penalty)

    def finished(self) -> Parameters:
        """Return the gradients of all parameters, in their order."""
        gradients = self._gradients
        if self._form.centres:
            gradients["b_dec"] = gradients["b_dec"] - gradients["b_enc"] @ self._parameters["W_enc"]
        for name in self._parameters.keys() - gradients.keys():
            gradients[name] = torch.zeros_like(self._parameters[name])
        return {name: gradients[name] for name in self._parameters}

    def _pull(self) -> float:
        """Return what a penalty adds to the gradient of every active value."""
        form = self._form
        return form.sparsity_coef / (len(self._x) * form.n_latents) if form.kind == "relu" else 0.0

    def _backward(self, codes: Codes, back_BD: Tensor, slope: Tensor) -> None:
        by_latent = ByLatent.of(codes)
        name = "W_dec" if "W_dec" in self._parameters else "W_enc"
        self._add(name, self._products.sums(codes, by_latent, codes.values, back_BD))
        self._encoder(codes, by_latent, slope)

    def _encoder(self, codes: Codes, by_latent: ByLatent, slope: Tensor) -> None:
        slope = slope * (codes.values > 0)
        examples, sums = len(self._x), self._products.sums
        self._add("W_enc", sums(codes.modulo(examples), by_latent.modulo(examples), slope, self._centred))
        self._add("b_enc", latent_sums(codes, slope))

    def _jump(self, codes: Codes, active: Codes, window: Window, back_BD: Tensor) -> None:
        slope = self._products.at(codes, back_BD, self._decoder)  # of what is active, and of what is near
        if window.saturating is None:
            self._backward(active, back_BD, slope[window.active])
        else:
            slope = slope + window.saturating.slopes
            self.penalty = window.saturating.penalty
            sums = self._products.sums(active, ByLatent.of(active), active.values, back_BD)
            self._add("W_dec", sums + window.saturating.of_decoder)
            threshold = self._parameters["threshold"][codes.columns]
            self._encoder(codes, ByLatent.of(codes), window.to_encoder(slope, threshold))
        self._add("threshold", window.threshold_gradient(self._parameters, slope[window.inside], 0.0))

    def _add(self, name: str, gradient: Tensor) -> None:
        if name in self._gradients:
            self._gradients[name] += gradient
        else:
            self._gradients[name] = gradient


def _sums_so_far(parts_PBD: Tensor) -> Tensor:
    return parts_PBD.cumsum(0) if len(parts_PBD) > 1 else parts_PBD
