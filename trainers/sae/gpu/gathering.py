"""Products of active latents with rows that are gathered: a program has an example and loads its row once."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


def pair_products(starts: Tensor, columns: Tensor, left_BD: Tensor, right_LD: Tensor) -> Tensor:
    """Return for every pair its row of `left` times its row of `right`, float32 [n].

    `starts` [B + 1], `columns` [n]: as of `Codes`.
    """
    found = torch.empty(len(columns), dtype=torch.float32, device=columns.device)
    pointers = (starts, columns, left_BD, right_LD, found)
    width = left_BD.shape[1]
    _products_kernel[(len(left_BD),)](pointers, width, WIDTH=triton.next_power_of_2(width))
    return found


def decode_and_back(
    codes: tuple[Tensor, Tensor, Tensor], decoder_LD: Tensor, target_BD: Tensor, bias_D: Tensor, weight: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Decode and differentiate at once: return errors times 2 · weight [B, D], slopes [n] and squares [B].

    `codes`: starts [B + 1], columns [n], values [n].  A slope is what the loss, weight · sum of squared
    errors, changes by with its value.  Rows of the decoder are read twice, the second time from the cache.
    """
    starts, columns, values = codes
    back_BD = torch.empty_like(target_BD)
    slope, squares_B = torch.empty_like(values), torch.empty_like(target_BD[:, 0])
    pointers = (starts, columns, values, decoder_LD, target_BD, bias_D, back_BD, slope, squares_B)
    width = target_BD.shape[1]
    _decode_kernel[(len(target_BD),)](pointers, (width, 2 * weight), WIDTH=triton.next_power_of_2(width))
    return back_BD, slope, squares_B


@triton.jit
def _products_kernel(pointers: tl.tuple, width: tl.tensor, WIDTH: tl.constexpr) -> None:
    starts, columns, left, right, found = pointers
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, WIDTH)
    here = at < width
    mine = tl.load(left + row * width + at, mask=here, other=0.0).to(tl.float32)
    for pair in range(tl.load(starts + row).to(tl.int32), tl.load(starts + row + 1).to(tl.int32)):
        column = tl.load(columns + pair).to(tl.int64)
        theirs = tl.load(right + column * width + at, mask=here, other=0.0).to(tl.float32)
        tl.store(found + pair, tl.sum(mine * theirs))


@triton.jit
def _decode_kernel(pointers: tl.tuple, numbers: tl.tuple, WIDTH: tl.constexpr) -> None:
    starts, columns, values, decoder, target, bias, back, slope, squares = pointers
    width, twice = numbers
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, WIDTH)
    here = at < width
    first, last = tl.load(starts + row).to(tl.int32), tl.load(starts + row + 1).to(tl.int32)
    error = tl.load(bias + at, mask=here, other=0.0) - tl.load(
        target + row * width + at, mask=here, other=0.0
    )
    for pair in range(first, last):
        column = tl.load(columns + pair).to(tl.int64)
        theirs = tl.load(decoder + column * width + at, mask=here, other=0.0).to(tl.float32)
        error += tl.load(values + pair) * theirs
    tl.store(squares + row, tl.sum(error * error))
    error = error * twice
    tl.store(back + row * width + at, error, mask=here)
    for pair in range(first, last):
        column = tl.load(columns + pair).to(tl.int64)
        theirs = tl.load(decoder + column * width + at, mask=here, other=0.0).to(tl.float32)
        tl.store(slope + pair, tl.sum(error * theirs))
