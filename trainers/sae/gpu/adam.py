"""Gradients of every latent and its Adam step, with no gradient in memory.

A program has a latent: it sums what the examples that activate it add to its two rows, and moves rows and
moments.  The pairs are sorted by latent once, and within a latent by example, so that the sums are the same
each time.  A latent that nothing activated moves, too, as Adam has it.

Clipping needs the norm of all gradients before anything moves: the same sums are formed twice, which reads
the cache more often instead of writing and reading two matrices.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from trainers.sae.model.fused import Moving, Pairs, Step


def squared_norms(pairs: Pairs, decoder_LD: Tensor, *, unit_norm: bool) -> tuple[Tensor, Tensor]:
    """Return the squared norms of the gradients of every latent's rows [L], and its bias's gradient [L]."""
    latents, width = decoder_LD.shape
    squares, biases = torch.empty_like(decoder_LD[:, 0]), torch.empty_like(decoder_LD[:, 0])
    pointers = (pairs.tensors(), decoder_LD, squares, biases)
    sizes = {"WIDTH": triton.next_power_of_2(width), "UNIT": unit_norm}
    _norm_kernel[(latents,)](pointers, width, **sizes)
    return squares, biases


def move(pairs: Pairs, moving: tuple[Moving, Moving, Moving], scale: Tensor, step: Step) -> None:
    """Make the Adam step of encoder, decoder and the encoder's bias; gradients count times `scale` [1]."""
    latents, width = moving[1].values.shape
    pointers = (pairs.tensors(), scale, *(one.tensors() for one in moving))
    sizes = {"WIDTH": triton.next_power_of_2(width), "UNIT": step.unit_norm}
    _move_kernel[(latents,)](pointers, (width, *step.numbers()), **sizes)


@triton.jit
def _gradients(
    pairs: tl.tuple, latent: tl.tensor, width: tl.tensor, at: tl.tensor, WIDTH: tl.constexpr
) -> tl.tuple:
    starts, rows, values, slopes, back, centred = pairs
    here = at < width
    decoder, encoder, bias = tl.zeros((WIDTH,), tl.float32), tl.zeros((WIDTH,), tl.float32), 0.0
    for pair in range(tl.load(starts + latent).to(tl.int32), tl.load(starts + latent + 1).to(tl.int32)):
        row = tl.load(rows + pair).to(tl.int64) * width
        slope = tl.load(slopes + pair)
        decoder += tl.load(values + pair) * tl.load(back + row + at, mask=here, other=0.0).to(tl.float32)
        encoder += slope * tl.load(centred + row + at, mask=here, other=0.0).to(tl.float32)
        bias += slope
    return decoder, encoder, bias


@triton.jit
def _projected(gradient: tl.tensor, row: tl.tensor) -> tl.tensor:
    return gradient - tl.sum(gradient * row) * row


@triton.jit
def _norm_kernel(pointers: tl.tuple, width: tl.tensor, WIDTH: tl.constexpr, UNIT: tl.constexpr) -> None:
    pairs, weights, squares, biases = pointers
    latent = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, WIDTH)
    decoder, encoder, bias = _gradients(pairs, latent, width, at, WIDTH)
    if UNIT:
        decoder = _projected(decoder, tl.load(weights + latent * width + at, mask=at < width, other=0.0))
    tl.store(squares + latent, tl.sum(decoder * decoder) + tl.sum(encoder * encoder))
    tl.store(biases + latent, bias)


@triton.jit
def _adam(
    value: tl.tensor, mean: tl.tensor, square: tl.tensor, gradient: tl.tensor, numbers: tl.tuple
) -> tl.tuple:
    rate, root, kept = numbers
    mean += (gradient - mean) * 0.1
    square = square * 0.999 + gradient * gradient * 0.001
    value = value * kept - rate * mean / (tl.sqrt(square) / root + 1e-8)
    return value, mean, square


@triton.jit
def _move_row(
    moving: tl.tuple,
    offset: tl.tensor,
    here: tl.tensor,
    gradient: tl.tensor,
    numbers: tl.tuple,
    UNIT: tl.constexpr,
) -> None:
    values, means, squares = moving
    value = tl.load(values + offset, mask=here, other=0.0)
    if UNIT:
        gradient = _projected(gradient, value)
    mean = tl.load(means + offset, mask=here, other=0.0)
    square = tl.load(squares + offset, mask=here, other=0.0)
    value, mean, square = _adam(value, mean, square, gradient, numbers)
    if UNIT:
        value = value / tl.maximum(tl.sqrt(tl.sum(value * value)), 1e-12)
    tl.store(values + offset, value, mask=here)
    tl.store(means + offset, mean, mask=here)
    tl.store(squares + offset, square, mask=here)


@triton.jit
def _move_kernel(pointers: tl.tuple, numbers: tl.tuple, WIDTH: tl.constexpr, UNIT: tl.constexpr) -> None:
    pairs, scale, encoders, decoders, biases = pointers
    width, rate, root, kept = numbers
    latent = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, WIDTH)
    decoder, encoder, bias = _gradients(pairs, latent, width, at, WIDTH)
    factor = tl.load(scale)
    told, offset, here = (rate, root, kept), latent * width + at, at < width
    _move_row(encoders, offset, here, encoder * factor, told, False)
    _move_row(decoders, offset, here, decoder * factor, told, UNIT)
    values, means, squares = biases
    value, mean, square = tl.load(values + latent), tl.load(means + latent), tl.load(squares + latent)
    value, mean, square = _adam(value, mean, square, bias * factor, told)
    tl.store(values + latent, value)
    tl.store(means + latent, mean)
    tl.store(squares + latent, square)
