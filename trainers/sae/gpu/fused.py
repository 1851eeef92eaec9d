"""A training step by the kernels: what `gather` finds moves parameters in `update`, without gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.sae.gpu.adam import Moving, Pairs, Step, move, squared_norms
from trainers.sae.gpu.codes import kernel_codes
from trainers.sae.gpu.gathering import decode_and_back
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import ByLatent, Codes
from trainers.sae.model.optimiser import CLIP_SLACK, Optimiser
from trainers.sae.model.parameters import Parameters
from trainers.sae.model.sparse import Batch, Result, Weights


@dataclass(frozen=True)
class _Found:
    """What a batch asks for: pairs with their slopes, and the rows that they gather."""

    codes: Codes
    slopes: Tensor
    back_BD: Tensor
    centred_BD: Tensor
    b_dec: Tensor
    """Gradient of the decoder's bias through the reconstruction alone."""


class FusedStep:
    """Steps of a TopK or BatchTopK autoencoder."""

    def __init__(
        self, form: Architecture, parameters: Parameters, optimiser: Optimiser, *, rounded: bool
    ) -> None:
        self._form, self._parameters, self._optimiser = form, parameters, optimiser
        self._rounded = rounded
        self._found: _Found | None = None

    @property
    def holds(self) -> bool:
        """Whether there is something for `update`."""
        return self._found is not None

    def codes(self, x_BD: Tensor) -> Codes | None:
        """Return the active latents of a batch; None where an example has more candidates than room."""
        return kernel_codes(self._form, self._parameters, x_BD, rounded=self._rounded)

    def gather(self, batch: Batch, weights: Weights) -> Result:
        """Return the loss of a batch, and keep what `update` needs; the result has no gradients."""
        x_BD, codes, b_dec = batch.x_BD, batch.codes, self._parameters["b_dec"]
        decoder = self._parameters["W_dec"]
        back, slopes, squares_B = decode_and_back(_arrays(codes), decoder, x_BD, b_dec, weights.error)
        squares = squares_B.sum()
        found = _Found(codes, slopes, back, x_BD - b_dec, back.sum(0))
        loss = squares * weights.error
        if batch.dead is not None and weights.auxiliary:
            rest = back * (-0.5 / weights.error)
            arrays, none = _arrays(batch.dead), torch.zeros_like(b_dec)
            dead_back, dead_slopes, missed = decode_and_back(arrays, decoder, rest, none, weights.auxiliary)
            found = _joined(found, batch.dead, dead_slopes * (batch.dead.values > 0), dead_back)
            loss = loss + missed.sum() * weights.auxiliary
        self._found = found
        counts = torch.bincount(codes.columns, minlength=self._form.n_latents)
        return Result(loss, squares, loss.new_zeros(()), counts, {})

    def update(self, rate: float) -> None:
        """Make an Adam step of what was gathered."""
        assert self._found is not None, "nothing was gathered"
        found, parameters, rule = self._found, self._parameters, self._optimiser.rule
        pairs = _pairs(found, self._rounded)
        squares_L, b_enc = squared_norms(pairs, parameters["W_dec"], unit_norm=rule.unit_norm)
        b_dec = found.b_dec - b_enc @ parameters["W_enc"]
        scale = self._scale(squares_L.sum() + b_enc.square().sum() + b_dec.square().sum())
        step = Step(rate, rule.decay, self._optimiser.steps + 1, rule.unit_norm)
        encoder, decoder, bias = (self._moving(name) for name in ("W_enc", "W_dec", "b_enc"))
        move(pairs, encoder, decoder, bias, scale, step)
        self._optimiser.move_some({"b_dec": b_dec * scale}, rate)
        self._found = None

    def _scale(self, squares: Tensor) -> Tensor:
        allowed = self._optimiser.rule.clip_norm
        if not allowed:
            return torch.ones_like(squares).reshape(1)
        return (allowed / (squares.sqrt() + CLIP_SLACK)).clamp(max=1.0).reshape(1)

    def _moving(self, name: str) -> Moving:
        return Moving(self._parameters[name], *self._optimiser.moments(name))


def _arrays(codes: Codes) -> tuple[Tensor, Tensor, Tensor]:
    return codes.starts(), codes.columns, codes.values


def _joined(found: _Found, dead: Codes, slopes: Tensor, back_BD: Tensor) -> _Found:
    """Return what dead latents ask for as well: as the pairs of as many examples more."""
    codes, examples = found.codes, found.codes.shape[0]
    both = Codes(
        torch.cat([codes.rows, dead.rows + examples]),
        torch.cat([codes.columns, dead.columns]),
        torch.cat([codes.values, dead.values]),
        (2 * examples, codes.shape[1]),
    )
    back, centred = torch.cat([found.back_BD, back_BD]), torch.cat([found.centred_BD, found.centred_BD])
    return _Found(both, torch.cat([found.slopes, slopes]), back, centred, found.b_dec)


def _pairs(found: _Found, rounded: bool) -> Pairs:
    by_latent, codes = ByLatent.of(found.codes), found.codes
    starts = torch.cat([by_latent.starts, by_latent.starts.new_tensor([len(codes.rows)])])
    back, centred = found.back_BD, found.centred_BD
    if rounded:
        back, centred = back.bfloat16(), centred.bfloat16()
    order = by_latent.order
    return Pairs(starts, by_latent.rows, codes.values[order], found.slopes[order], back, centred)
