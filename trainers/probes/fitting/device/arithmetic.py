"""What a step does beside its products, as torch's own operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from trainers.probes.fitting.plan import drop_
from trainers.probes.fitting.stacked import weighted_loss
from trainers.probes.reading.inputs import Standardisation

BETAS = (0.9, 0.999)
EPS = 1e-8


@dataclass(frozen=True)
class Examples:
    """Rows to gather."""

    x_ND: Tensor
    rows_B: Tensor
    inputs: Standardisation | None
    keep_BD: Tensor | None
    """What dropout keeps, bool; None for all."""


@dataclass(frozen=True)
class Logits:
    """Logits z · scale + bias and what they should have been."""

    z_BC: Tensor
    bias_C: Tensor
    y_BC: Tensor
    """0 and 1 in any type."""
    pos_weight_C: Tensor | None
    scale: float


@dataclass(frozen=True)
class Slopes:
    """What a batch says of every column."""

    loss_C: Tensor
    """Summed over the batch."""
    bias_C: Tensor
    """Gradient of the mean loss."""
    slope_BC: Tensor
    """What to multiply activations with for the gradient of the weights, of the type of the activations."""


@dataclass(frozen=True)
class Moving:
    """A parameter of all columns and its moments, [C, K] each, and how far it moves."""

    values: Tensor
    first: Tensor
    second: Tensor
    rates_C: Tensor
    decays_C: Tensor
    powers: Tensor
    """Both betas to the power of the number of the step, float64 [2]."""


class Arithmetic(Protocol):
    """What torch's operations and kernels do alike."""

    def gather(self, examples: Examples, out_BD: Tensor) -> None:
        """Write the rows, standardised, and with zeros for what is not kept."""

    def slopes(self, logits: Logits, dtype: torch.dtype) -> Slopes:
        """Return losses and gradients; slopes are of the type."""

    def move(self, moving: Moving, gradient_CK: Tensor) -> None:
        """Make AdamW's step in place."""


class PlainArithmetic:
    """One operation after the other."""

    def gather(self, examples: Examples, out_BD: Tensor) -> None:
        """Write the rows, standardised, and with zeros for what is not kept."""
        torch.index_select(examples.x_ND, 0, examples.rows_B, out=out_BD)
        if examples.inputs is not None:
            examples.inputs.apply_(out_BD)
        if examples.keep_BD is not None:
            drop_(out_BD, examples.keep_BD)

    def slopes(self, logits: Logits, dtype: torch.dtype) -> Slopes:
        """Return losses and gradients; slopes are of the type."""
        z = torch.add(logits.bias_C, logits.z_BC, alpha=logits.scale)
        y, weight = logits.y_BC.to(z.dtype), logits.pos_weight_C
        loss = weighted_loss(z, y, weight).sum(0)
        slope = torch.sigmoid(z).sub_(y)
        if weight is not None:
            slope.mul_(1 + y * (weight - 1))
        bias = slope.sum(0).div_(len(z))
        return Slopes(loss, bias, slope.mul_(logits.scale / len(z)).to(dtype))

    def move(self, moving: Moving, gradient_CK: Tensor) -> None:
        """Make AdamW's step in place."""
        rates, (one, two) = moving.rates_C[:, None], BETAS
        corrections = (1 - moving.powers).to(moving.values.dtype)
        moving.values.mul_(1 - rates * moving.decays_C[:, None])
        moving.first.lerp_(gradient_CK, 1 - one)
        moving.second.mul_(two).addcmul_(gradient_CK, gradient_CK, value=1 - two)
        denominator = moving.second.sqrt().div_(corrections[1].sqrt()).add_(EPS)
        moving.values.sub_((moving.first / denominator).mul_(rates / corrections[0]))
