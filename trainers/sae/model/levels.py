"""Nested parts of an autoencoder, each of which has to reconstruct by itself."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import Codes
from trainers.sae.model.selection import ranks


def level_of(form: Architecture, codes: Codes) -> Tensor | None:
    """Return the first nested part that has each value, int64 [n]; None where there is only one part."""
    if form.kind == "matryoshka":
        return torch.bucketize(codes.columns, _bounds(form.prefixes(), codes), right=True)
    if form.kind == "hierarchical":
        return torch.bucketize(ranks(codes), _bounds(form.counts(), codes), right=True)
    return None


def by_level(form: Architecture, codes: Codes) -> Codes:
    """Return codes with a row for every example of every nested part, part by part: shape (P · B, L)."""
    levels = level_of(form, codes)
    if levels is None:
        return codes
    rows = levels * codes.shape[0] + codes.rows
    order = torch.argsort(rows, stable=True)
    shape = (n_levels(form) * codes.shape[0], codes.shape[1])
    return Codes(rows[order], codes.columns[order], codes.values[order], shape)


def n_levels(form: Architecture) -> int:
    """Return the number of nested parts."""
    return len({"matryoshka": form.prefixes, "hierarchical": form.counts}.get(form.kind, lambda: [0])())


def _bounds(sizes: list[int], codes: Codes) -> Tensor:
    return torch.tensor(sizes, device=codes.rows.device)
