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
    return above(h_BL, window_floor(form, threshold))


def window_floor(form: Architecture, threshold: Tensor) -> Tensor:
    """Return the lower end of JumpReLU's window [L]."""
    return (threshold - form.bandwidth / 2).clamp(min=0)


def topk(h_BL: Tensor, k: int) -> Codes:
    """Return the k largest values of every example."""
    return largest_of_rows(row_candidates(h_BL, k), k)


def batch_topk(h_BL: Tensor, k: int) -> Codes:
    """Return the B·k largest values of a batch."""
    return largest_of_all(batch_candidates(h_BL, k), len(h_BL) * k)


def row_candidates(h_BL: Tensor, k: int) -> Codes:
    """Return the k largest values of every example, and a few that maxima do not tell from them."""
    keys = _keys(h_BL)
    maxima = _maxima(keys)
    bound = _kth_of_rows(maxima if k <= maxima.shape[1] else keys, k)
    return _reaching(h_BL, keys, bound.clamp(min=_least_positive(keys)))


def batch_candidates(h_BL: Tensor, k: int) -> Codes:
    """Return the B·k largest values of a batch, and a few that maxima do not tell from them."""
    keys, wanted = _keys(h_BL), len(h_BL) * k
    maxima = _maxima(keys)
    values = (maxima if wanted <= maxima.numel() else keys).reshape(1, -1)
    bound = _kth_of_rows(values, wanted).clamp(min=_least_positive(keys))
    return _reaching(h_BL, keys, bound.expand(len(h_BL), 1))


def above(h_BL: Tensor, bound: Tensor | float) -> Codes:
    """Return the positive values above a bound that is not below 0: one, or one for every latent [L]."""
    keys = _keys(torch.as_tensor(bound, dtype=h_BL.dtype, device=h_BL.device))
    return _at(h_BL, _places(_keys(h_BL) > keys))


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


def _keys(h_BL: Tensor) -> Tensor:
    """Return what sorts positive values as they are sorted, and lies below all of them where they are not.

    bfloat16 as its bits: its own comparisons are five times as slow on a CPU.
    """
    return h_BL.view(torch.int16) if h_BL.dtype == torch.bfloat16 and h_BL.device.type == "cpu" else h_BL


def _least_positive(keys: Tensor) -> float:
    return torch.finfo(keys.dtype).tiny if keys.dtype.is_floating_point else 1


def _maxima(keys: Tensor) -> Tensor:
    latents = keys.shape[1]
    whole = latents - latents % BLOCK
    maxima = keys[:, :whole].reshape(len(keys), -1, BLOCK).amax(2)
    return maxima if whole == latents else torch.cat([maxima, keys[:, whole:]], 1)


def _kth_of_rows(keys: Tensor, k: int) -> Tensor:
    """Return the k-th largest of every row [rows, 1]."""
    if keys.device.type == "cpu":  # three times as fast as torch's
        place = keys.shape[1] - k
        return torch.from_numpy(np.partition(keys.numpy(), place, axis=1)[:, place : place + 1])
    return torch.topk(keys, k, dim=1, sorted=False).values.amin(1, keepdim=True)


def _reaching(h_BL: Tensor, keys: Tensor, bound_B1: Tensor) -> Codes:
    """Return the values that are not below a bound of their example."""
    examples, latents = keys.shape
    if latents % BLOCK:
        return _at(h_BL, _places(keys >= bound_B1))
    # Most blocks have nothing that reaches it, as their maxima say.
    blocks = _places(_maxima(keys) >= bound_B1)
    bound = bound_B1.expand(examples, latents // BLOCK).reshape(-1)[blocks]
    places = _places(keys.reshape(-1, BLOCK)[blocks] >= bound[:, None])
    of = torch.div(places, BLOCK, rounding_mode="floor")
    return _at(h_BL, blocks[of] * BLOCK + places - of * BLOCK)


def _at(h_BL: Tensor, places: Tensor) -> Codes:
    examples, latents = h_BL.shape
    rows = torch.div(places, latents, rounding_mode="floor")
    return Codes(rows, places - rows * latents, h_BL.reshape(-1)[places], (examples, latents))


def _places(mask: Tensor) -> Tensor:
    if mask.device.type == "cpu":  # five times as fast as torch's
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.reshape(-1).nonzero()[:, 0]
