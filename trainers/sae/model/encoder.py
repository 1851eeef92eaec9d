"""From examples to active latents: exactly, or chosen in bfloat16 and then computed in full.

Where a processor multiplies bfloat16 two to three times as fast, the large product has to say which latents
may be active, with some to spare; their values are computed anew, and the largest are taken from those.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import Codes
from trainers.sae.model.dense import encoded
from trainers.sae.model.parameters import Parameters
from trainers.sae.model.selection import (
    SPARE,
    above,
    batch_candidates,
    largest_of_all,
    largest_of_rows,
    row_candidates,
    select,
    topk,
    window_floor,
)


def training_codes(form: Architecture, parameters: Parameters, x_BD: Tensor, *, rounded: bool) -> Codes:
    """Return the active latents of a batch in training; `rounded`: choose candidates in bfloat16."""
    if rounded:
        return _rounded_codes(form, parameters, x_BD)
    return select(form, encoded(form, parameters, x_BD), parameters.get("threshold"))


def inference_codes(form: Architecture, parameters: Parameters, x_BD: Tensor, threshold: Tensor) -> Codes:
    """Return the active latents of examples by themselves; `threshold`: what is kept of batches."""
    h_BL = encoded(form, parameters, x_BD)
    if form.kind in ("topk", "hierarchical"):
        return topk(h_BL, form.k)
    if form.kind == "jumprelu":
        return above(h_BL, parameters["threshold"].clamp(min=0))
    return above(h_BL, threshold.clamp(min=0) if form.over_batch else 0.0)


def auxiliary_codes(form: Architecture, parameters: Parameters, x_BD: Tensor, dead_L: Tensor) -> Codes | None:
    """Return the largest values of dead latents, for each example at most half its activations many."""
    (latents,) = dead_L.nonzero(as_tuple=True)
    if not len(latents):
        return None
    some = {**parameters, "W_enc": parameters["W_enc"][latents], "b_enc": parameters["b_enc"][latents]}
    found = topk(encoded(form, some, x_BD), min(len(latents), max(1, form.n_features // 2)))
    return Codes(found.rows, latents[found.columns], found.values, (len(x_BD), form.n_latents))


def can_round(form: Architecture, x_BD: Tensor) -> bool:
    """Tell whether latents may be chosen in bfloat16."""
    return form.kind != "gelu" and x_BD.dtype == torch.float32


def rounded_encoding(form: Architecture, parameters: Parameters, x_BD: Tensor) -> Tensor:
    """Return what the latents see, before their activation, in bfloat16 [B, L]."""
    centred = x_BD - parameters["b_dec"] if form.centres else x_BD
    b_enc, W_enc = parameters["b_enc"].bfloat16(), parameters["W_enc"].bfloat16()
    return torch.addmm(b_enc, centred.bfloat16(), W_enc.t())


def _rounded_codes(form: Architecture, parameters: Parameters, x_BD: Tensor) -> Codes:
    floor = window_floor(form, parameters["threshold"]) if form.kind == "jumprelu" else None
    found = _candidates(form, rounded_encoding(form, parameters, x_BD), floor)
    centred = x_BD - parameters["b_dec"] if form.centres else x_BD
    found = found.with_values(centred.new_zeros(len(found.values)))
    values = found.products(centred, parameters["W_enc"]) + parameters["b_enc"][found.columns]
    found = found.with_values(values).chosen(values > (0.0 if floor is None else floor[found.columns]))
    if form.kind in ("relu", "jumprelu"):
        return found
    return largest_of_all(found, len(x_BD) * form.k) if form.over_batch else largest_of_rows(found, form.k)


def _candidates(form: Architecture, h_BL: Tensor, floor_L: Tensor | None) -> Codes:
    if floor_L is not None:  # what rounding leaves out lies at the window's edge, far below the threshold
        return above(h_BL, floor_L)
    if form.kind == "relu":
        return above(h_BL, 0.0)
    k = spare(form)
    return batch_candidates(h_BL, k) if form.over_batch else row_candidates(h_BL, k)


def spare(form: Architecture) -> int:
    """Return how many candidates of an example there have to be where rounded values choose them."""
    return min(form.n_latents, form.k + max(2, int(SPARE * form.k)))
