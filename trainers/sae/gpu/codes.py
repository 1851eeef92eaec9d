"""Active latents of a batch by the kernels: candidates in one pass, their values in float32, the largest."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.sae.gpu.gathering import pair_products
from trainers.sae.gpu.selecting import block_maxima, candidates_above, row_candidates
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import Codes
from trainers.sae.model.dense import encoded
from trainers.sae.model.encoder import rounded_encoding, spare
from trainers.sae.model.parameters import Parameters
from trainers.sae.model.selection import largest_of_all, largest_of_rows

ROOM = {False: 4, True: 16}
"""The same as a multiple of k, for each example and over a batch, in which some have many more."""


def kernel_codes(form: Architecture, parameters: Parameters, x_BD: Tensor, *, rounded: bool) -> Codes | None:
    """Return the active latents of a batch; None where an example has more candidates than room."""
    h_BL = (rounded_encoding if rounded else encoded)(form, parameters, x_BD)
    columns, counts = _candidates(form, h_BL, spare(form) if rounded else form.k)
    if int(counts.max()) > columns.shape[1]:
        return None
    rows, place = (torch.arange(columns.shape[1], device=columns.device) < counts[:, None]).nonzero(
        as_tuple=True
    )
    found = Codes(rows, columns[rows, place].long(), x_BD.new_zeros(len(rows)), (len(x_BD), form.n_latents))
    centred = x_BD - parameters["b_dec"]
    values = pair_products(found.starts(), found.columns, centred, parameters["W_enc"])
    values = values + parameters["b_enc"][found.columns]
    found = found.with_values(values).chosen(values > 0)
    return largest_of_all(found, len(x_BD) * form.k) if form.over_batch else largest_of_rows(found, form.k)


def room(form: Architecture, k: int, latents: int) -> int:
    """Return how many candidates of an example there is room for."""
    return min(latents, max(64, ROOM[form.over_batch] * k))


def _candidates(form: Architecture, h_BL: Tensor, k: int) -> tuple[Tensor, Tensor]:
    capacity = room(form, k, h_BL.shape[1])
    if not form.over_batch:
        return row_candidates(h_BL, k, capacity)
    maxima, wanted = block_maxima(h_BL), len(h_BL) * k
    values = (maxima if wanted <= maxima.numel() else h_BL).reshape(-1)
    bound = torch.topk(values, wanted, sorted=False).values.amin()
    return candidates_above(h_BL, bound, capacity)
