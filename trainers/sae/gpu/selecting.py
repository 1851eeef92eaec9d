"""Candidates for the largest values of every example, in one pass over what the latents see.

As in `trainers.sae.model.selection`: the k-th largest maximum of parts is a value that k latents reach.  A
program has an example: it reads the row once from memory, finds the bound among maxima in registers, and
reads the row again, from the cache, to write down which latents reach it.  Nothing of the size of the batch
times the latents is written.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 64
"""Latents to a maximum over a batch."""
LEAST_MAXIMA = 256
"""Maxima of an example at least, where latents are chosen for each."""
CHUNK = 2048
"""Values that a program looks at together; a multiple of BLOCK."""


def row_candidates(h_BL: Tensor, k: int, capacity: int) -> tuple[Tensor, Tensor]:
    """Return the latents that may be among the k largest of each example [B, C], and how many they are [B].

    Where there are more than `capacity`, the count says so, and the others are missing.
    """
    examples, latents = h_BL.shape
    columns, counts = _room(h_BL, capacity)
    sizes = {"CHUNK": CHUNK, "MAXIMA": max(LEAST_MAXIMA, triton.next_power_of_2(4 * k))}
    _row_kernel[(examples,)]((h_BL, columns, counts), (latents, k, capacity), **sizes)
    return columns, counts


def candidates_above(h_BL: Tensor, bound: Tensor, capacity: int) -> tuple[Tensor, Tensor]:
    """Return the latents that reach a bound, one for all examples: as `row_candidates` does."""
    examples, latents = h_BL.shape
    columns, counts = _room(h_BL, capacity)
    _bound_kernel[(examples,)]((h_BL, bound, columns, counts), (latents, capacity), CHUNK=CHUNK)
    return columns, counts


def block_maxima(h_BL: Tensor) -> Tensor:
    """Return the largest value of every block of latents [B, blocks]."""
    examples, latents = h_BL.shape
    blocks = triton.cdiv(latents, BLOCK)
    maxima = h_BL.new_empty(examples, blocks)
    grid = (examples, triton.cdiv(latents, CHUNK))
    _maxima_kernel[grid]((h_BL, maxima), (latents, blocks), CHUNK=CHUNK, BLOCK=BLOCK)
    return maxima


def _room(h_BL: Tensor, capacity: int) -> tuple[Tensor, Tensor]:
    columns = torch.zeros(len(h_BL), capacity, dtype=torch.int32, device=h_BL.device)
    return columns, torch.empty(len(h_BL), dtype=torch.int32, device=h_BL.device)


@triton.jit
def _maxima_kernel(pointers: tl.tuple, sizes: tl.tuple, CHUNK: tl.constexpr, BLOCK: tl.constexpr) -> None:
    h, maxima = pointers
    latents, blocks = sizes
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = chunk * CHUNK + tl.arange(0, CHUNK)
    values = tl.load(h + row * latents + at, mask=at < latents, other=float("-inf"))
    found = tl.max(tl.reshape(values, (CHUNK // BLOCK, BLOCK)), 1)
    place = chunk * (CHUNK // BLOCK) + tl.arange(0, CHUNK // BLOCK)
    tl.store(maxima + row * blocks + place, found, mask=place < blocks)


@triton.jit
def _row_kernel(pointers: tl.tuple, sizes: tl.tuple, CHUNK: tl.constexpr, MAXIMA: tl.constexpr) -> None:
    h, columns, counts = pointers
    latents, k, capacity = sizes
    row = tl.program_id(0).to(tl.int64)
    # A maximum is one of latents that lie MAXIMA apart: neighbours are loaded together.
    at = tl.arange(0, MAXIMA)
    maxima = tl.full((MAXIMA,), float("-inf"), tl.float32)
    for start in range(0, latents, MAXIMA):
        one = tl.load(h + row * latents + start + at, mask=start + at < latents, other=float("-inf"))
        maxima = tl.maximum(maxima, one.to(tl.float32))
    # The bits of positive numbers sort as the numbers do: the bound is found bit by bit, the highest first.
    bits = maxima.to(tl.int32, bitcast=True)
    bound = 0
    for place in range(0, 31):
        higher = bound + (1 << (30 - place))
        reached = tl.sum((bits >= higher).to(tl.int32))
        bound = tl.where(reached >= k, higher, bound)
    found = tl.cast(bound, tl.float32, bitcast=True)
    _write_down((h, columns, counts), row, found, (latents, capacity), CHUNK)


@triton.jit
def _bound_kernel(pointers: tl.tuple, sizes: tl.tuple, CHUNK: tl.constexpr) -> None:
    h, bound, columns, counts = pointers
    row = tl.program_id(0).to(tl.int64)
    _write_down((h, columns, counts), row, tl.load(bound).to(tl.float32), sizes, CHUNK)


@triton.jit
def _write_down(
    pointers: tl.tuple, row: tl.tensor, bound: tl.tensor, sizes: tl.tuple, CHUNK: tl.constexpr
) -> None:
    h, columns, counts = pointers
    latents, capacity = sizes
    least = tl.maximum(bound, 1e-37)
    found = 0
    for start in range(0, latents, CHUNK):
        at = start + tl.arange(0, CHUNK)
        values = tl.load(h + row * latents + at, mask=at < latents, other=float("-inf")).to(tl.float32)
        reaches = (values >= least).to(tl.int32)
        place = found + tl.cumsum(reaches, 0) - 1
        tl.store(columns + row * capacity + place, at, mask=(reaches > 0) & (place < capacity))
        found += tl.sum(reaches)
    tl.store(counts + row, found)
