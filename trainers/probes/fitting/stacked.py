"""Many probes as one model: every parameter has a leading axis of columns, one column a probe in training.

Shapes: B examples of a batch, D features, C columns, H hidden units.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from trainers.probes.fitting.plan import Batch
from trainers.probes.settings import Settings

LINEAR_FROM = 50.0
EVEN = 16
"""Columns that a CPU multiplies together."""
MOST_MISSING = 4
"""Columns to such a number that are filled up."""
FEW = 8
"""Columns up to which it is faster with none too many."""
Parameters = dict[str, Tensor]
"""A module's state dict with a leading axis of columns."""


class StackedModel(Protocol):
    """What the fused trainer needs of a model."""

    parameters: Parameters

    def gradients(self, batch: Batch, pos_weight_C: Tensor | None) -> tuple[Tensor, Parameters]:
        """Return each column's summed loss [C] and the gradient of its mean loss."""
        ...

    def logits(self, x_BD: Tensor) -> Tensor:
        """Return logits [B, C] without dropout, for activations of the compute type."""
        ...


def stack(states: list[Parameters]) -> Parameters:
    """Stack the state dicts of C modules."""
    return {name: torch.stack([state[name] for state in states]) for name in states[0]}


def take(parameters: Parameters, columns: Tensor) -> Parameters:
    """Return the parameters of the columns at the given places, copied."""
    return {name: value.index_select(0, columns) for name, value in parameters.items()}


class StackedLinear:
    """All linear probes as one matrix of weights; the gradient is written out by hand.

    Below the columns lie rows of zeros up to W = `padded(C)`: what comes of them is nobody's.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Copies what it is given."""
        self._columns = len(parameters["linear.bias"])
        every = {name: _with_room(value) for name, value in parameters.items()}
        self._weight_WD, self._bias_W = every["linear.weight"][:, 0], every["linear.bias"][:, 0]
        self._gradients = {name: torch.empty_like(value) for name, value in every.items()}
        self.parameters = self._of_columns(every)
        self._logits: Tensor | None = None

    def gradients(self, batch: Batch, pos_weight_W: Tensor | None) -> tuple[Tensor, Parameters]:
        """Return each column's summed loss [C] and gradient; the batch has targets [B, W]."""
        x, y, size = batch.x_BD, batch.y_BC, len(batch.x_BD)
        z = product(x, self._weight_WD.t(), out=self._buffer(y))
        torch.add(self._bias_W, z, alpha=batch.input_scale, out=z)
        loss = weighted_loss(z, y, pos_weight_W).sum(0)
        slope = torch.sigmoid(z, out=z).sub_(y)
        if pos_weight_W is not None:
            slope.mul_(torch.addcmul(torch.ones_like(y), y, pos_weight_W - 1))
        torch.sum(slope, 0, out=self._gradients["linear.bias"][:, 0]).div_(size)
        slope.mul_(batch.input_scale / size)
        product(slope.t(), x, out=self._gradients["linear.weight"][:, 0])
        return loss[: self._columns], self._of_columns(self._gradients)

    def logits(self, x_BD: Tensor) -> Tensor:
        return torch.addmm(self._bias_W, x_BD, self._weight_WD.t())[:, : self._columns]

    def _of_columns(self, values: Parameters) -> Parameters:
        return {name: value[: self._columns] for name, value in values.items()}

    def _buffer(self, like_BW: Tensor) -> Tensor:
        if self._logits is None:
            self._logits = torch.empty_like(like_BW)
        return self._logits[: len(like_BW)]


class StackedMultihead:
    """All multihead probes in batched matrix products; gradients by automatic differentiation."""

    def __init__(self, parameters: Parameters, dropout: float) -> None:
        self.parameters = {name: value.requires_grad_() for name, value in parameters.items()}
        self._dropout = dropout

    def gradients(self, batch: Batch, pos_weight_C: Tensor | None) -> tuple[Tensor, Parameters]:
        with torch.enable_grad(), torch.autocast(
            batch.x_BD.device.type, torch.bfloat16, enabled=batch.x_BD.dtype == torch.bfloat16
        ):  # fmt: skip
            z = self._forward(batch.x_BD, batch.keep)
            y = batch.y_BC.to(self.parameters["output.weight"].dtype)
            loss = weighted_loss(z.to(y.dtype), y, pos_weight_C).sum(0)
            mean_losses = loss.sum() / len(batch.x_BD)
        found = torch.autograd.grad(mean_losses, list(self.parameters.values()))
        return loss.detach(), dict(zip(self.parameters, found, strict=True))

    def logits(self, x_BD: Tensor) -> Tensor:
        with torch.no_grad():
            return self._forward(x_BD, ())

    def _forward(self, x_BD: Tensor, keep: tuple[Tensor, ...]) -> Tensor:
        values = self.parameters
        hidden = values["output.weight"].shape[-1]
        columns = len(values["output.weight"])
        first = self._drop(self._layer("input", x_BD.expand(columns, *x_BD.shape)).relu(), keep[:1])
        second = self._drop(self._layer("hidden", first).relu(), keep[1:])
        value = torch.baddbmm(
            values["attention.in_proj_bias"][:, None, 2 * hidden :],
            second,
            values["attention.in_proj_weight"][:, 2 * hidden :].transpose(1, 2),
        )
        return self._layer("output", self._layer("attention.out_proj", value))[:, :, 0].t()

    def _layer(self, name: str, x_CBI: Tensor) -> Tensor:
        weight, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        return torch.baddbmm(bias[:, None], x_CBI, weight.transpose(1, 2))

    def _drop(self, hidden_CBH: Tensor, keep: tuple[Tensor, ...]) -> Tensor:
        return hidden_CBH * keep[0] / (1 - self._dropout) if keep else hidden_CBH


def padded(columns: int) -> int:
    """Return to how many columns products of linear probes are filled up: where few are missing.

    Products of 45 columns take longer than those of 48, and have the same bits.
    """
    missing = -columns % EVEN
    return columns + missing if columns > FEW and missing <= MOST_MISSING else columns


def width_of(settings: Settings, columns: int) -> int:
    """Return how many columns of targets a model of so many takes."""
    return padded(columns) if settings.model_type == "linear" else columns


def filled_up(values: Tensor, width: int, fill: float = 0.0) -> Tensor:
    """Return values [..., C] with a last axis of a width, filled up with a number."""
    return functional.pad(values, (0, width - values.shape[-1]), value=fill)


def _with_room(values: Tensor) -> Tensor:
    """Return a copy of values [C, ...] with rows of zeros below, as many as `padded` says."""
    room = values.new_zeros(padded(len(values)), *values.shape[1:])
    room[: len(values)] = values
    return room


def stacked_model(settings: Settings, parameters: Parameters) -> StackedModel:
    """Return the stacked form of the probe that `settings` names."""
    if settings.model_type == "linear":
        return StackedLinear(parameters)
    return StackedMultihead(parameters, settings.dropout)


def product(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """Write a @ b to `out`; with a bfloat16 factor it is multiplied in bfloat16 and summed in float32."""
    if torch.bfloat16 not in (a.dtype, b.dtype):
        return torch.mm(a, b, out=out)
    a, b = a.to(torch.bfloat16), b.to(torch.bfloat16)
    if a.is_cuda:
        # Before torch 2.8, as on CPUs still, the finished sums are rounded to bfloat16.
        with suppress(TypeError, NotImplementedError):
            return out.copy_(torch.mm(a, b, out_dtype=torch.float32))
    return out.copy_(torch.mm(a, b))


def weighted_loss(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    """Return the binary cross-entropy of logits, element by element, positives weighted."""
    # Beyond the threshold softplus returns its argument; at the usual 20 that is wrong in the ninth digit.
    # (logsigmoid would need no threshold, but starts torch's threads however little there is to do.)
    if pos_weight is None:
        return functional.softplus(z, threshold=LINEAR_FROM) - y * z
    return z - y * z + functional.softplus(-z, threshold=LINEAR_FROM) * (1 + (pos_weight - 1) * y)
