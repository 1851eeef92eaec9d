"""Which latents are active, exactly, without sorting all of them.

The k-th largest maximum of blocks is a value that k latents reach: what lies below is none of the k largest.
A look at the maxima leaves a few more than k candidates, and only those are sorted.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import Codes

BLOCK = 64
"""Latents to a maximum."""
SPARE = 0.25
"""Candidates beyond k where the values that choose them are rounded, as a share of k."""


def select(form: Architecture, h_BL: Tensor, threshold: Tensor | None) -> Codes:
    """Return the active latents of a batch in training, with their values of `h_BL` and not below 0.

    `threshold` [L]: JumpReLU's; its window of pairs that are nearly active comes too, for the gradient.
    """
    if form.kind in ("topk", "hierarchical"):
        return topk(h_BL, form.k)
    if form.over_batch:
        return batch_topk(h_BL, form.k)
    if threshold is None:
        return above(h_BL, 0.0)
    return above(h_BL, (threshold - form.bandwidth / 2).clamp(min=0))


def topk(h_BL: Tensor, k: int) -> Codes:
    """Return the k largest values of every example."""
    return largest_of_rows(above(h_BL, row_bound(h_BL, k), inclusive=True), k)


def batch_topk(h_BL: Tensor, k: int) -> Codes:
    """Return the B·k largest values of a batch."""
    return largest_of_all(above(h_BL, batch_bound(h_BL, k), inclusive=True), len(h_BL) * k)


def row_bound(h_BL: Tensor, k: int) -> Tensor:
    """Return for every example a value that at least k latents reach [B, 1]; never below 0."""
    maxima = _maxima(h_BL)
    if k > maxima.shape[1]:
        maxima = h_BL
    return torch.topk(maxima, k, dim=1, sorted=False).values.amin(1, keepdim=True).clamp(min=0)


def batch_bound(h_BL: Tensor, k: int) -> Tensor:
    """Return a value that at least B·k pairs of a batch reach; never below 0."""
    maxima, wanted = _maxima(h_BL), len(h_BL) * k
    values = (maxima if wanted <= maxima.numel() else h_BL).reshape(-1).float()
    return torch.topk(values, wanted, sorted=False).values.amin().clamp(min=0).to(h_BL.dtype)


def above(h_BL: Tensor, bound: Tensor | float, *, inclusive: bool = False) -> Codes:
    """Return the positive values above a bound, or from it on."""
    # One comparison: a bound of 0 that counts itself is the least number above it.
    mask = h_BL >= _positive(bound, h_BL) if inclusive else h_BL > bound
    places = _places(mask)
    rows = torch.div(places, mask.shape[1], rounding_mode="floor")
    return Codes(
        rows, places - rows * mask.shape[1], h_BL.reshape(-1)[places], (mask.shape[0], mask.shape[1])
    )


def largest_of_rows(codes: Codes, k: int) -> Codes:
    """Return the k largest values of every example of codes, in the order of the latents."""
    starts = codes.starts()
    longest = int(starts.diff().max()) if len(codes.rows) else 0
    if longest <= k:
        return codes
    place = torch.arange(len(codes.rows), device=codes.rows.device) - starts[codes.rows]
    padded = codes.values.new_full((codes.shape[0], longest), -torch.inf)
    padded[codes.rows, place] = codes.values
    kept = torch.zeros_like(padded, dtype=torch.bool)
    kept.scatter_(1, torch.topk(padded, k, dim=1, sorted=False).indices, True)
    return codes.chosen(kept[codes.rows, place])


def largest_of_all(codes: Codes, wanted: int) -> Codes:
    """Return the largest values of codes, wherever they are."""
    if len(codes.values) <= wanted:
        return codes
    kept = torch.zeros(len(codes.values), dtype=torch.bool, device=codes.values.device)
    kept[torch.topk(codes.values, wanted, sorted=False).indices] = True
    return codes.chosen(kept)


def ranks(codes: Codes) -> Tensor:
    """Return the rank of each value among those of its example, the largest is 0: int64 [n]."""
    order = torch.argsort(codes.values, descending=True, stable=True)
    order = order[torch.argsort(codes.rows[order], stable=True)]
    ranked = torch.empty_like(order)
    ranked[order] = torch.arange(len(order), device=order.device) - codes.starts()[codes.rows[order]]
    return ranked


def _positive(bound: Tensor | float, like: Tensor) -> Tensor | float:
    least = torch.finfo(like.dtype).tiny
    return bound.clamp(min=least) if isinstance(bound, Tensor) else max(bound, least)


def _maxima(h_BL: Tensor) -> Tensor:
    latents = h_BL.shape[1]
    whole = latents - latents % BLOCK
    maxima = h_BL[:, :whole].reshape(len(h_BL), -1, BLOCK).amax(2)
    return maxima if whole == latents else torch.cat([maxima, h_BL[:, whole:]], 1)


def _places(mask: Tensor) -> Tensor:
    if mask.device.type == "cpu":  # five times as fast as torch's
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.reshape(-1).nonzero()[:, 0]
