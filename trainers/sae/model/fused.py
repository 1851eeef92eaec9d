"""A training step by the kernels: what `gather` finds moves parameters in `update`, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from trainers.sae.cpu.encoding import encoded_in_bytes
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import ByLatent, Codes
from trainers.sae.model.dense import encoded
from trainers.sae.model.encoder import rounded_encoding, spare
from trainers.sae.model.levels import by_level
from trainers.sae.model.optimiser import CLIP_SLACK, Optimiser
from trainers.sae.model.parameters import Parameters
from trainers.sae.model.selection import largest_of_all, largest_of_rows, window_floor
from trainers.sae.model.sparse import Batch, Missed, Result, Weights, Window, distance_from_k

BETAS = (0.9, 0.999)
"""As torch has them."""
ROOM = {False: 4, True: 16}
"""Candidates that there is room for, as a multiple of k: of an example, and where a batch is chosen from."""


@dataclass(frozen=True)
class Pairs:
    """What every latent is active with, latent by latent."""

    starts: Tensor
    """Where each latent begins, and the end, [L + 1]."""
    rows: Tensor
    """Examples [n]."""
    values: Tensor
    """[n]"""
    slopes: Tensor
    """What the loss changes by with each value [n]."""
    back_BD: Tensor
    """Gradient at the reconstruction; may be in bfloat16, as `centred_BD` may."""
    centred_BD: Tensor
    """What the encoder saw."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Return what kernels are given."""
        return (self.starts, self.rows, self.values, self.slopes, self.back_BD, self.centred_BD)


@dataclass(frozen=True)
class Moving:
    """Rows of a matrix [L, D], or numbers [L], with their moments; all float32, and moved in place."""

    values: Tensor
    mean: Tensor
    square: Tensor

    def tensors(self) -> tuple[Tensor, ...]:
        """Return what kernels are given."""
        return (self.values, self.mean, self.square)


@dataclass(frozen=True)
class Step:
    """What an Adam step is told."""

    rate: float
    decay: float
    """Decoupled weight decay."""
    number: int
    """Of this step, from 1."""
    unit_norm: bool = False
    """Keep the decoder's rows at norm 1: their gradients are projected."""

    def numbers(self) -> tuple[float, float, float]:
        """Return rate over the bias of the mean, root of the bias of the square, what decay leaves."""
        first, second = (1 - beta**self.number for beta in BETAS)
        return self.rate / first, second**0.5, 1 - self.rate * self.decay


class Kernels(Protocol):
    """What is done in one pass each."""

    gathers_rounded: bool
    """Whether rows may be gathered in bfloat16."""

    def candidates(self, h_BL: Tensor, k: int, room: int, *, over_batch: bool) -> tuple[Tensor, Tensor]:
        """Return latents that may be among the k largest of each example, or the B·k of a batch.

        [B, room], rising, and how many they are [B]: where there is no room for all, some are missing.
        """

    def above(self, h_BL: Tensor, bound_L: Tensor) -> Codes:
        """Return the values above a bound of their latent, which is not below 0."""

    def pair_products(self, codes: Codes, left_BD: Tensor, right_LD: Tensor) -> Tensor:
        """Return for every pair its row of `left` times its row of `right` [n]."""

    def decode_and_back(
        self, codes: Codes, decoder_LD: Tensor, target_BD: Tensor, bias_D: Tensor, weight: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return errors times 2 · weight [B, D], the loss's slopes at the values [n], squares [B]."""

    def squared_norms(self, pairs: Pairs, decoder_LD: Tensor, *, unit_norm: bool) -> tuple[Tensor, Tensor]:
        """Return the squared norms of the gradients of every latent's rows [L], and its bias's [L]."""

    def move(self, pairs: Pairs, moving: tuple[Moving, Moving, Moving], scale: Tensor, step: Step) -> None:
        """Make the Adam step of encoder, decoder, encoder's bias; gradients count times `scale` [1]."""

    def row_sum(self, weights_L: Tensor, matrix_LD: Tensor) -> Tensor:
        """Return the sum of the rows of a matrix, each times its weight [D]."""


@dataclass(frozen=True)
class Encoder:
    """How what latents see is computed to choose from."""

    encode: Callable[[Architecture, Parameters, Tensor], tuple[Tensor, Tensor | None]]
    """Returns it [B, L], and how far it may be off [L], where that matters."""
    rounds: bool


def encoder_of(*, rounded: bool, in_bytes: bool) -> Encoder:
    """Return the encoder in float32, in bfloat16, or in bytes."""
    if in_bytes:
        return Encoder(encoded_in_bytes, rounds=True)
    encode = rounded_encoding if rounded else encoded
    return Encoder(lambda form, parameters, x_BD: (encode(form, parameters, x_BD), None), rounded)


@dataclass(frozen=True)
class _Found:
    """What a batch asks for: pairs with their slopes, and the rows that they gather.

    Nested parts are as many batches, one after the other: B is what they are together.
    """

    codes: Codes
    slopes: Tensor
    back_BD: Tensor
    centred_BD: Tensor
    b_dec: Tensor
    """Gradient of the decoder's bias through the reconstruction alone."""
    threshold: Tensor | None = None
    """Gradient of JumpReLU's thresholds."""


class FusedStep:
    """Steps of an autoencoder of which few latents are active at once."""

    def __init__(
        self,
        kernels: Kernels,
        form: Architecture,
        parameters: Parameters,
        optimiser: Optimiser,
        encoder: Encoder,
    ) -> None:
        self._kernels, self._form, self._parameters = kernels, form, parameters
        self._optimiser, self._encoder = optimiser, encoder
        self._found: _Found | None = None

    @property
    def holds(self) -> bool:
        """Whether there is something for `update`."""
        return self._found is not None

    def codes(self, x_BD: Tensor) -> Codes | None:
        """Return the active latents of a batch; None where an example has more candidates than room."""
        form, parameters = self._form, self._parameters
        if form.kind == "jumprelu":
            return self._above(x_BD)
        h_BL, _ = self._encoder.encode(form, parameters, x_BD)
        k = spare(form) if self._encoder.rounds else form.k
        columns, counts = self._kernels.candidates(h_BL, k, room(form, k), over_batch=form.over_batch)
        if int(counts.max()) > columns.shape[1]:
            return None
        found = self._with_values(listed(h_BL, columns, counts), x_BD)
        found = found.chosen(found.values > 0)
        return (
            largest_of_all(found, len(x_BD) * form.k) if form.over_batch else largest_of_rows(found, form.k)
        )

    def gather(self, batch: Batch, weights: Weights) -> Result:
        """Return the loss of a batch, and keep what `update` needs; the result has no gradients."""
        x_BD, codes, b_dec = batch.x_BD, batch.codes, self._parameters["b_dec"]
        decoder = self._parameters["W_dec"]
        window = Window.of(self._form, self._parameters, codes, weights.sparsity)
        codes = codes if window is None else codes.chosen(window.active)
        parts = by_level(self._form, codes)
        reconstruct = self._whole if parts is codes else self._nested
        found, missed = reconstruct(parts, x_BD, weights.error)
        loss = missed.loss
        if batch.dead is not None and weights.auxiliary:
            dead_back, dead_slopes, left = self._kernels.decode_and_back(
                batch.dead, decoder, missed.rest_BD, torch.zeros_like(b_dec), weights.auxiliary
            )
            found = _joined(found, batch.dead, dead_slopes * (batch.dead.values > 0), dead_back)
            loss = loss + left.sum() * weights.auxiliary
        penalty = loss.new_zeros(())
        if window is not None:
            near = self._kernels.pair_products(window.near, found.back_BD[: len(x_BD)], decoder)
            distance, pull = distance_from_k(self._form, len(codes.values), len(x_BD))
            gradient = window.threshold_gradient(self._parameters, near, pull)
            found, penalty = replace(found, threshold=gradient), loss.new_tensor(distance)
        self._found = found
        counts = torch.bincount(codes.columns, minlength=self._form.n_latents)
        return Result(loss + penalty, missed.squares, penalty, counts, {})

    def update(self, rate: float) -> None:
        """Make an Adam step of what was gathered."""
        assert self._found is not None, "nothing was gathered"
        found, parameters, rule = self._found, self._parameters, self._optimiser.rule
        pairs = _pairs(found, self._encoder.rounds and self._kernels.gathers_rounded)
        squares_L, b_enc = self._kernels.squared_norms(pairs, parameters["W_dec"], unit_norm=rule.unit_norm)
        b_dec = found.b_dec - self._kernels.row_sum(b_enc, parameters["W_enc"])
        others = {"b_dec": b_dec, **({} if found.threshold is None else {"threshold": found.threshold})}
        squares = torch.stack([one.square().sum() for one in (b_enc, *others.values())]).sum()
        scale = self._scale(squares_L.sum() + squares)
        step = Step(rate, rule.decay, self._optimiser.steps + 1, rule.unit_norm)
        moving = (self._moving("W_enc"), self._moving("W_dec"), self._moving("b_enc"))
        self._kernels.move(pairs, moving, scale, step)
        self._optimiser.move_some({name: one * scale for name, one in others.items()}, rate)
        if "threshold" in parameters:
            parameters["threshold"].clamp_(min=0)
        self._found = None

    def _whole(self, codes: Codes, x_BD: Tensor, weight: float) -> tuple[_Found, Missed]:
        """Return what the error of one reconstruction asks for, and the error."""
        b_dec, decoder = self._parameters["b_dec"], self._parameters["W_dec"]
        back, slopes, squares_B = self._kernels.decode_and_back(codes, decoder, x_BD, b_dec, weight)
        squares = squares_B.sum()
        found = _Found(codes, slopes, back, x_BD - b_dec, back.sum(0))
        return found, Missed(squares * weight, squares, back * (-0.5 / weight), back[None])

    def _nested(self, parts: Codes, x_BD: Tensor, weight: float) -> tuple[_Found, Missed]:
        """Return what the errors of all nested parts ask for; `parts` has a row for each of every part."""
        decoder, centred = self._parameters["W_dec"], x_BD - self._parameters["b_dec"]
        none = x_BD.new_zeros(parts.shape[0], x_BD.shape[1])
        made, _, _ = self._kernels.decode_and_back(parts, decoder, none, none[0], 0.5)
        missed = Missed.of(made.view(-1, *x_BD.shape), centred, weight)
        back = missed.back_PBD.flatten(0, 1).contiguous()
        slopes = self._kernels.pair_products(parts, back, decoder)
        repeated = centred.repeat(len(missed.back_PBD), 1)
        return _Found(parts, slopes, back, repeated, missed.back_PBD[0].sum(0)), missed

    def _above(self, x_BD: Tensor) -> Codes:
        """Return what is above JumpReLU's thresholds, or near them."""
        floor = window_floor(self._form, self._parameters["threshold"])
        h_BL, off_L = self._encoder.encode(self._form, self._parameters, x_BD)
        bound = (floor if off_L is None else (floor - off_L).clamp(min=0)).to(h_BL.dtype)
        found = self._with_values(self._kernels.above(h_BL, bound), x_BD)
        return found.chosen(found.values > floor[found.columns])

    def _with_values(self, codes: Codes, x_BD: Tensor) -> Codes:
        parameters = self._parameters
        products = self._kernels.pair_products(codes, x_BD - parameters["b_dec"], parameters["W_enc"])
        return codes.with_values(products + parameters["b_enc"][codes.columns])

    def _scale(self, squares: Tensor) -> Tensor:
        allowed = self._optimiser.rule.clip_norm
        if not allowed:
            return torch.ones_like(squares).reshape(1)
        return (allowed / (squares.sqrt() + CLIP_SLACK)).clamp(max=1.0).reshape(1)

    def _moving(self, name: str) -> Moving:
        return Moving(self._parameters[name], *self._optimiser.moments(name))


def listed(h_BL: Tensor, columns: Tensor, counts: Tensor) -> Codes:
    """Return the first `counts` [B] latents of each example [B, room] as codes with values of 0."""
    places = torch.arange(columns.shape[1], device=columns.device)
    rows, place = (places < counts[:, None]).nonzero(as_tuple=True)
    none = torch.zeros(len(rows), device=h_BL.device)
    return Codes(rows, columns[rows, place].long(), none, (h_BL.shape[0], h_BL.shape[1]))


def room(form: Architecture, k: int) -> int:
    """Return how many candidates of an example there is room for."""
    return min(form.n_latents, max(64, ROOM[form.over_batch] * k))


def _joined(found: _Found, dead: Codes, slopes: Tensor, back_BD: Tensor) -> _Found:
    """Return what dead latents ask for as well: as the pairs of as many examples more."""
    codes, examples, more = found.codes, found.codes.shape[0], len(back_BD)
    both = Codes(
        torch.cat([codes.rows, dead.rows + examples]),
        torch.cat([codes.columns, dead.columns]),
        torch.cat([codes.values, dead.values]),
        (examples + more, codes.shape[1]),
    )
    back, centred = (
        torch.cat([found.back_BD, back_BD]),
        torch.cat([found.centred_BD, found.centred_BD[:more]]),
    )
    return _Found(both, torch.cat([found.slopes, slopes]), back, centred, found.b_dec)


def _pairs(found: _Found, rounded: bool) -> Pairs:
    by_latent, codes = ByLatent.of(found.codes), found.codes
    back, centred = found.back_BD, found.centred_BD
    if rounded:
        back, centred = back.bfloat16(), centred.bfloat16()
    order = by_latent.order
    return Pairs(by_latent.bounds(), by_latent.rows, codes.values[order], found.slopes[order], back, centred)
