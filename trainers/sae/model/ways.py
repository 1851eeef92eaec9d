"""Which products a step is made of: chosen by the clock on a first batch, and by what is active from then on.

A training keeps what was chosen, so that it goes on with the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from trainers.sae.cpu.encoding import encoded_in_bytes
from trainers.sae.model.architecture import Architecture
from trainers.sae.model.codes import Codes
from trainers.sae.model.dense import encoded
from trainers.sae.model.encoder import can_round, rounded_encoding, training_codes
from trainers.sae.model.fused import encoder_of
from trainers.sae.model.parameters import Parameters
from trainers.sae.model.products import DENSE, SPARSE, Products
from trainers.sae.model.selection import topk
from trainers.sae.model.sparse import Batch, Result, Weights, sparse_step
from trainers.sae.model.whole import whole_step

TRIES = 3
TRIED_SHARE = 1 / 64
"""Share of the latents of a ReLU autoencoder with which sparse products are timed."""


@dataclass(frozen=True)
class Asked:
    """What a user asks for; None leaves it to the clock."""

    rounded: bool | None = None
    dense_above: float | None = None
    in_bytes: bool | None = False
    """False where the kernels cannot."""


@dataclass(frozen=True)
class Ways:
    """What was chosen."""

    rounded: bool
    """Latents are chosen, and dense products of ReLU formed, in bfloat16."""
    dense_above: float
    """Share of active latents above which products are dense."""
    in_bytes: bool = False
    """The kernels choose latents from products of bytes."""


def ways_of(
    form: Architecture, parameters: Parameters, x_BD: Tensor, asked: Asked, weights: Weights
) -> tuple[Ways, list[str]]:
    """Return the ways that are asked for, else the faster ones on a batch; and lines that say so."""
    ways, lines = _encoding(form, parameters, x_BD, asked, weights)
    if asked.dense_above is not None or form.kind == "gelu":
        return replace(ways, dense_above=asked.dense_above or 0.0), lines
    above, line = _break_even(form, parameters, x_BD, ways.rounded, weights)
    return replace(ways, dense_above=above), [*lines, line]


def step(form: Architecture, parameters: Parameters, batch: Batch, ways: Ways, weights: Weights) -> Result:
    """Return loss and gradients of a batch, by the products that the number of its codes asks for."""
    dense = len(batch.codes.rows) > ways.dense_above * len(batch.x_BD) * form.n_latents
    return sparse_step(form, parameters, batch, weights, DENSE if dense else SPARSE)


def _encoding(
    form: Architecture, parameters: Parameters, x_BD: Tensor, asked: Asked, weights: Weights
) -> tuple[Ways, list[str]]:
    """Return how latents are chosen, in ways whose products are not chosen yet."""
    if asked.in_bytes:
        return Ways(True, 0.0, True), ["encoder: float32, chosen in int8"]
    rounded, line = _rounding(form, parameters, x_BD, asked.rounded, weights)
    if asked.in_bytes is False:
        return Ways(rounded, 0.0), [line]
    in_bytes, more = _in_bytes(form, parameters, x_BD, rounded)
    return Ways(rounded or in_bytes, 0.0, in_bytes), [line, more]


def _rounding(
    form: Architecture, parameters: Parameters, x_BD: Tensor, asked: bool | None, weights: Weights
) -> tuple[bool, str]:
    if asked is not None or not can_round(form, x_BD):
        rounded = bool(asked) and can_round(form, x_BD)
        return rounded, f"encoder: {str(x_BD.dtype).removeprefix('torch.')}{', chosen in bfloat16' * rounded}"

    def work(rounded: bool) -> object:
        if form.kind == "relu":
            return whole_step(form, parameters, x_BD, weights, rounded=rounded)
        return training_codes(form, parameters, x_BD, rounded=rounded)

    exact, short = _seconds(lambda: work(False)), _seconds(lambda: work(True))
    rounded = short < 0.9 * exact
    what = "dense step" if form.kind == "relu" else "encoder"
    figures = f"float32 {exact * 1e3:.1f} ms, bfloat16 with values in float32 {short * 1e3:.1f} ms"
    return rounded, f"{what}: {figures}: {'bfloat16' if rounded else 'float32'} is taken"


def _in_bytes(form: Architecture, parameters: Parameters, x_BD: Tensor, rounded: bool) -> tuple[bool, str]:
    """Return whether bytes are multiplied faster than what else would be, and a line that says so."""
    other = encoder_of(rounded=rounded, in_bytes=False).encode
    before = _seconds(lambda: other(form, parameters, x_BD))
    short = _seconds(lambda: encoded_in_bytes(form, parameters, x_BD))
    faster, name = short < 0.9 * before, "bfloat16" if rounded else "float32"
    figures = f"{name} {before * 1e3:.1f} ms, int8 {short * 1e3:.1f} ms"
    return faster, f"encoder's product: {figures}: {'int8' if faster else name} is taken"


def _break_even(
    form: Architecture, parameters: Parameters, x_BD: Tensor, rounded: bool, weights: Weights
) -> tuple[float, str]:
    """Return the share of active latents at which dense products are as fast as sparse ones.

    Sparse ones take a time in proportion to what is active, dense ones always the same.
    """
    codes = _tried_codes(form, parameters, x_BD, rounded)
    share = len(codes.rows) / (len(x_BD) * form.n_latents)

    def seconds(products: Products) -> float:
        return _seconds(lambda: sparse_step(form, parameters, Batch(x_BD, codes), weights, products))

    sparse = seconds(SPARSE)
    if form.kind == "relu":
        encoder = _seconds(lambda: (rounded_encoding if rounded else encoded)(form, parameters, x_BD))
        dense = _seconds(lambda: whole_step(form, parameters, x_BD, weights, rounded=rounded)) - encoder
    else:
        dense = seconds(DENSE)
    above = share * max(dense, 0.0) / sparse
    return above, (
        f"products: sparse {sparse * 1e3:.1f} ms with {share:.2%} of the latents active, dense "
        f"{dense * 1e3:.1f} ms: dense above {above:.2%}"
    )


def _tried_codes(form: Architecture, parameters: Parameters, x_BD: Tensor, rounded: bool) -> Codes:
    if form.kind != "relu":
        return training_codes(form, parameters, x_BD, rounded=rounded)
    return topk(encoded(form, parameters, x_BD), max(1, int(TRIED_SHARE * form.n_latents)))


def _seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times)
