"""The arithmetic of a step as three kernels in Triton; what they do is what `PlainArithmetic` does.

Gathering reads a row once from memory and writes it once.  Losses, slopes and the gradient of the biases
come from one pass over the logits: a program has some columns and goes down the batch, so that sums have one
order.  An AdamW step reads and writes each number once.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from trainers.probes.fitting.device.arithmetic import BETAS, EPS, Examples, Logits, Moving, Slopes

BLOCK = 1024
"""Numbers of a row to a program."""
COLUMNS = 8
ROWS = 64
"""Columns to a program that forms slopes, and rows that it looks at together."""


class KernelArithmetic:
    """Three launches."""

    def gather(self, examples: Examples, out_BD: Tensor) -> None:
        """Write the rows, standardised, and with zeros for what is not kept."""
        inputs, keep = examples.inputs, examples.keep_BD
        means = (out_BD, out_BD) if inputs is None else (inputs.mean_D, inputs.inverse_D)
        pointers = (examples.x_ND, examples.rows_B, *means, out_BD if keep is None else keep, out_BD)
        grid = (len(out_BD), triton.cdiv(out_BD.shape[1], BLOCK))
        asked = {"SCALES": inputs is not None, "DROPS": keep is not None, "BLOCK": BLOCK}
        _gather_kernel[grid](pointers, out_BD.shape[1], **asked)

    def slopes(self, logits: Logits, dtype: torch.dtype) -> Slopes:
        """Return losses and gradients; slopes are of the type."""
        z, weight = logits.z_BC, logits.pos_weight_C
        loss, bias = torch.empty_like(logits.bias_C), torch.empty_like(logits.bias_C)
        slope = torch.empty_like(z, dtype=dtype)
        pos_weight = logits.bias_C if weight is None else weight
        # Biases of stacked modules may lie apart.
        pointers = (z, logits.bias_C.contiguous(), logits.y_BC, pos_weight, loss, bias, slope)
        numbers = (*z.shape, logits.scale)
        asked = {"WEIGHTS": weight is not None, "ROWS": ROWS, "COLUMNS": COLUMNS}
        _slope_kernel[(triton.cdiv(z.shape[1], COLUMNS),)](pointers, numbers, **asked)
        return Slopes(loss, bias, slope)

    def move(self, moving: Moving, gradient_CK: Tensor) -> None:
        """Make AdamW's step in place."""
        columns, numbers = moving.values.shape
        told = (moving.rates_C, moving.decays_C, moving.powers)
        pointers = (moving.values, moving.first, moving.second, gradient_CK.contiguous(), *told)
        constants = {"ONE": BETAS[0], "TWO": BETAS[1], "EPS": EPS, "BLOCK": BLOCK}
        _move_kernel[(columns, triton.cdiv(numbers, BLOCK))](pointers, numbers, **constants)


@triton.jit
def _gather_kernel(
    pointers: tl.tuple, width: tl.tensor, SCALES: tl.constexpr, DROPS: tl.constexpr, BLOCK: tl.constexpr
) -> None:
    x, rows, means, inverses, keep, out = pointers
    row = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    here = at < width
    value = tl.load(x + tl.load(rows + row) * width + at, mask=here, other=0.0)
    if SCALES:
        mean = tl.load(means + at, mask=here, other=0.0)
        inverse = tl.load(inverses + at, mask=here, other=0.0)
        # Rounded in between, as one operation after the other is.
        centred = (value.to(mean.dtype) - mean).to(value.dtype)
        value = (centred.to(mean.dtype) * inverse).to(value.dtype)
    if DROPS:
        kept = tl.load(keep + row * width + at, mask=here, other=0)
        value = tl.where(kept != 0, value, 0.0)
    tl.store(out + row * width + at, value.to(out.dtype.element_ty), mask=here)


@triton.jit
def _softplus(z: tl.tensor) -> tl.tensor:
    small = tl.exp(-tl.abs(z))
    series = small * (1 - small * (0.5 - small / 3))
    return tl.maximum(z, 0.0) + tl.where(small < 1e-3, series, tl.log(1 + small))


@triton.jit
def _sigmoid(z: tl.tensor) -> tl.tensor:
    small = tl.exp(-tl.abs(z))
    return tl.where(z >= 0, 1.0, small) / (1 + small)


@triton.jit
def _slope_kernel(
    pointers: tl.tuple, numbers: tl.tuple, WEIGHTS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr
) -> None:
    logits, biases, targets, weights, losses, bias_slopes, slopes = pointers
    size, columns, scale = numbers
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    there = column < columns
    bias = tl.load(biases + column, mask=there, other=0.0)
    more = tl.load(weights + column, mask=there, other=1.0) - 1
    loss, total = tl.zeros_like(bias), tl.zeros_like(bias)
    for start in range(0, size, ROWS):
        row = start + tl.arange(0, ROWS)
        at = row[:, None] * columns + column[None, :]
        here = (row < size)[:, None] & there[None, :]
        z = tl.load(logits + at, mask=here, other=0.0) * scale + bias[None, :]
        y = tl.load(targets + at, mask=here, other=0).to(z.dtype)
        cost, slope = _softplus(z) - y * z, _sigmoid(z) - y
        if WEIGHTS:
            weight = 1 + more[None, :] * y
            cost = z - y * z + _softplus(-z) * weight
            slope = slope * weight
        loss += tl.sum(tl.where(here, cost, 0.0), 0)
        total += tl.sum(tl.where(here, slope, 0.0), 0)
        tl.store(slopes + at, (slope * (scale / size)).to(slopes.dtype.element_ty), mask=here)
    tl.store(losses + column, loss, mask=there)
    tl.store(bias_slopes + column, total / size, mask=there)


@triton.jit
def _move_kernel(
    pointers: tl.tuple,
    width: tl.tensor,
    ONE: tl.constexpr,
    TWO: tl.constexpr,
    EPS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    values, firsts, seconds, gradients, rates, decays, powers = pointers
    column = tl.program_id(0).to(tl.int64)
    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    here, offset = at < width, column * width + at
    rate, decay = tl.load(rates + column), tl.load(decays + column)
    one = (1 - tl.load(powers)).to(rate.dtype)
    two = (1 - tl.load(powers + 1)).to(rate.dtype)
    value = tl.load(values + offset, mask=here, other=0.0) * (1 - rate * decay)
    gradient = tl.load(gradients + offset, mask=here, other=0.0)
    first = tl.load(firsts + offset, mask=here, other=0.0)
    first += (gradient - first) * (1 - ONE)
    second = tl.load(seconds + offset, mask=here, other=0.0) * TWO + gradient * gradient * (1 - TWO)
    value -= rate / one * first / (tl.sqrt(second) / tl.sqrt(two) + EPS)
    tl.store(values + offset, value, mask=here)
    tl.store(firsts + offset, first, mask=here)
    tl.store(seconds + offset, second, mask=here)
