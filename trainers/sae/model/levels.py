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


def n_levels(form: Architecture) -> int:
    """Return the number of nested parts."""
    return len({"matryoshka": form.prefixes, "hierarchical": form.counts}.get(form.kind, lambda: [0])())


def _bounds(sizes: list[int], codes: Codes) -> Tensor:
    return torch.tensor(sizes, device=codes.rows.device)
