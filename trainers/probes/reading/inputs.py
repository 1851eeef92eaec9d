"""What a probe starts from: standardised activations, and a bias at the log-odds of its class.

Training sees (x - mean) / deviation, both of the training split; what is kept are weights for activations as
they are (`Standardisation.fold`), so that nobody who uses a probe has to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.common.activations.rows import Cursor, RowOrder, Rows, Shuffler
from trainers.common.devices import wide
from trainers.probes.reading.layer import pos_weights
from trainers.probes.settings import Settings

Parameters = dict[str, Tensor]
CONSTANT = 1e-6
"""A deviation below this share of the mean's size is rounding, not information."""


@dataclass(frozen=True)
class Standardisation:
    """Mean and deviation of every activation over the training split."""

    mean_D: Tensor
    """Of the compute type, as is the inverse."""
    inverse_D: Tensor
    """1 / deviation; 0 where an activation is constant, which keeps it out of every probe."""

    @property
    def n_constant(self) -> int:
        """How many activations never change."""
        return int((self.inverse_D == 0).sum())

    def apply_(self, x_BD: Tensor) -> None:
        """Standardise activations in place."""
        mean, inverse = self.mean_D.to(x_BD.device), self.inverse_D.to(x_BD.device)
        if x_BD.device.type == "cpu" and x_BD.dtype == mean.dtype:
            # In the thread that prepares batches: torch would start its own pool of threads.
            values = x_BD.numpy()
            np.subtract(values, mean.numpy(), out=values)
            np.multiply(values, inverse.numpy(), out=values)
        else:
            x_BD.sub_(mean).mul_(inverse)

    def fold(self, parameters: Parameters) -> Parameters:
        """Return parameters that give for plain activations what `parameters` give for standardised ones.

        Takes those of a module, and those of many with leading axes.
        """
        first = "linear" if "linear.weight" in parameters else "input"
        weight = parameters[f"{first}.weight"].detach()
        mean, inverse = self.mean_D.to(weight.device), self.inverse_D.to(weight.device)
        folded = weight * inverse
        shift = (wide(folded) @ wide(mean)).to(weight)
        bias = parameters[f"{first}.bias"].detach() - shift
        return {**parameters, f"{first}.weight": folded, f"{first}.bias": bias}


@dataclass(frozen=True)
class StandardisedRows:
    """Rows that leave standardised when batches are made of them."""

    rows: Rows
    by: Standardisation

    @property
    def n_rows(self) -> int:
        return self.rows.n_rows

    @property
    def n_features(self) -> int:
        return self.rows.n_features

    @property
    def device(self) -> torch.device:
        return self.rows.device

    def order(self, shuffler: Shuffler) -> RowOrder:
        return self.rows.order(shuffler)

    def cursor(self, order: RowOrder) -> Cursor:
        return _StandardisedCursor(self.rows.cursor(order), self.by)

    def blocks(self) -> Iterator[Tensor]:
        for block in self.rows.blocks():
            copy = block.clone()
            self.by.apply_(copy)
            yield copy


@dataclass(frozen=True)
class _StandardisedCursor:
    cursor: Cursor
    by: Standardisation

    def take(self, start: int, stop: int, out: Tensor) -> None:
        self.cursor.take(start, stop, out)
        self.by.apply_(out)


def standardisation(rows: Rows, settings: Settings) -> Standardisation | None:
    """Return the statistics of a training split by one pass over it; None where activations stay raw."""
    if settings.inputs == "raw":
        return None
    total = wide(torch.zeros(rows.n_features, device=rows.device))
    squares = torch.zeros_like(total)
    for block in rows.blocks():
        for piece in block.split(max(1, (1 << 20) // rows.n_features)):
            values = wide(piece)
            total += values.sum(0)
            squares += values.square().sum(0)
    mean = total / rows.n_rows
    deviation = (squares / rows.n_rows - mean.square()).clamp(min=0).sqrt()
    varies = deviation > CONSTANT * mean.abs()
    inverse = torch.where(varies, 1 / deviation, 0)
    return Standardisation(mean.to(settings.compute_dtype), inverse.to(settings.compute_dtype))


def standardised(rows: Rows, by: Standardisation | None) -> Rows:
    """Return rows whose batches are standardised, or `rows` for no statistics."""
    return rows if by is None else StandardisedRows(rows, by)


def folded(parameters: Parameters, by: Standardisation | None) -> Parameters:
    """Return `parameters` for plain activations."""
    return parameters if by is None else by.fold(parameters)


def start_biases(settings: Settings, train_targets_NP: Tensor) -> Tensor | None:
    """Return the bias that each probe starts with [P], double; None where it starts near zero, as drawn.

    At the log-odds of its class a probe begins by predicting the prevalence.  From zero, the thousands of
    steps of a small learning rate may not be enough to get there.
    """
    if settings.bias_start == "zero":
        return None
    positives = wide(train_targets_NP.sum(0, dtype=torch.int64))
    negatives = len(train_targets_NP) - positives
    weights = pos_weights(settings, train_targets_NP)
    mass = positives if weights is None else positives * wide(weights)
    return (mass.clamp(min=0.5) / negatives.clamp(min=0.5)).log()


def begin(state: Parameters, bias: Tensor | None) -> Parameters:
    """Return a module's fresh state dict with the bias of its logit set."""
    if bias is None:
        return state
    last = "linear.bias" if "linear.bias" in state else "output.bias"
    return {**state, last: torch.full_like(state[last], float(bias))}
