"""From examples to active latents: exactly, or chosen in bfloat16 and then computed in full.

Where a processor multiplies bfloat16 two to three times as fast, the large product has to say which latents
may be active, with some to spare; their values are computed anew, and the largest are taken from those.
"""

from __future__ import annotations

import time
from collections.abc import Callable

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
)

TRIES = 3


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
    return form.kind in ("topk", "batchtopk", "matryoshka", "hierarchical") and x_BD.dtype == torch.float32


def faster_rounded(form: Architecture, parameters: Parameters, x_BD: Tensor) -> tuple[bool, str]:
    """Time both ways on a batch; return whether rounding is faster, and a line that says so."""
    exact = _seconds(lambda: training_codes(form, parameters, x_BD, rounded=False))
    rounded = _seconds(lambda: training_codes(form, parameters, x_BD, rounded=True))
    chosen = rounded < 0.9 * exact
    figures = f"float32 {exact * 1e3:.1f} ms, bfloat16 with values in float32 {rounded * 1e3:.1f} ms"
    return chosen, f"encoder: {figures}: {'bfloat16' if chosen else 'float32'} is taken"


def _rounded_codes(form: Architecture, parameters: Parameters, x_BD: Tensor) -> Codes:
    centred = x_BD - parameters["b_dec"]
    h_BL = torch.addmm(parameters["b_enc"].bfloat16(), centred.bfloat16(), parameters["W_enc"].bfloat16().t())
    k = min(form.n_latents, form.k + max(2, int(SPARE * form.k)))
    found = batch_candidates(h_BL, k) if form.over_batch else row_candidates(h_BL, k)
    found = found.with_values(centred.new_zeros(len(found.values)))
    values = found.products(centred, parameters["W_enc"]) + parameters["b_enc"][found.columns]
    found = found.with_values(values).chosen(values > 0)
    return largest_of_all(found, len(x_BD) * form.k) if form.over_batch else largest_of_rows(found, form.k)


def _seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times)
