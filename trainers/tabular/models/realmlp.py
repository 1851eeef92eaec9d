"""RealMLP in its small published form, RealMLP-TD-S (Holzmüller et al., 2024, "Better by Default").

Numbers are scaled robustly and clipped smoothly before they come here; categories become columns here, whose
two values are scaled and clipped in the same way.  Held to a recorded run of the authors' package by tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.tabular.data.dataset import Columns
from trainers.tabular.data.inputs import InputStatistics
from trainers.tabular.models.layers import Constant, Mish, OneHot, one_hot


@dataclass(frozen=True)
class RealMlpSizes:
    """How large the network is."""

    hidden: int = 256
    layers: int = 3
    """Hidden layers."""


class _ScaledLinear(torch.autograd.Function):
    """factor·x·Wᵀ + b whose products scale by themselves, so that no pass over the rows does."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, factor: float) -> Tensor:
        """Return [N, outputs] for [N, inputs]."""
        ctx.save_for_backward(x, weight)
        ctx.factor = factor
        return torch.addmm(bias, x, weight.t(), alpha=factor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        """Return the gradients of inputs that need one, weights and bias."""
        (x, weight), (of_outputs,) = ctx.saved_tensors, gradients
        of_x = _scaled(of_outputs, weight, ctx.factor) if ctx.needs_input_grad[0] else None
        return of_x, _scaled(of_outputs.t(), x, ctx.factor), of_outputs.sum(0), None


def _scaled(left: Tensor, right: Tensor, factor: float) -> Tensor:
    return torch.addmm(left.new_zeros(()), left, right, beta=0, alpha=factor)


class NtkLinear(nn.Linear):
    """A linear map in the neural tangent parametrisation: drawn as N(0, 1), divided by √inputs in use."""

    @property
    def factor(self) -> float:
        """What the weights are multiplied by in use."""
        return self.in_features**-0.5

    def forward(self, x: Tensor) -> Tensor:
        """Return x·Wᵀ / √inputs + b."""
        if self.training and x.dim() == 2 and not torch.is_autocast_enabled(x.device.type):
            found: Tensor = _ScaledLinear.apply(x, self.weight, self.bias, self.factor)
            return found
        return torch.add(self.bias, functional.linear(x, self.weight), alpha=self.factor)


class RealMlp(nn.Module):
    """A learned scale of every input, hidden layers, an output layer that begins at zero."""

    def __init__(self, columns: Columns, outputs: int, sizes: RealMlpSizes, *, regression: bool) -> None:
        super().__init__()
        self.categories = OneHot(columns.cardinalities)
        inputs = len(columns.numeric) + len(self.categories.absent_K)
        widths = [inputs, *[sizes.hidden] * sizes.layers]
        self.scale = Constant(torch.ones(inputs))
        pairs = pairwise(widths)
        self.hidden = nn.ModuleList(_drawn(NtkLinear(before, after)) for before, after in pairs)
        self.head = NtkLinear(widths[-1], outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.activation = Mish() if regression else nn.SELU()

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, outputs] for prepared columns [N, F] and [N, C]."""
        x = torch.cat([numeric, self.categories(categories)], -1) * self.scale()
        for layer in self.hidden:
            x = self.activation(layer(x))
        return self.head(x)

    def fit_categories(self, categories: Tensor) -> None:
        """Scale the columns of categories by those of training rows [N, C]."""
        known = one_hot(categories, self.categories.cardinalities).float()
        statistics = InputStatistics.fit("robust", known)
        values = statistics.apply(torch.stack([torch.zeros(known.shape[1]), torch.ones(known.shape[1])]))
        self.categories.absent_K, self.categories.present_K = values[0].clone(), values[1].clone()

    def rate_factors(self) -> Mapping[str, float]:
        """Return what the learning rate of some parameters is multiplied by."""
        biases = [name for name, _ in self.named_parameters() if name.endswith(".bias")]
        return {"scale.value": 6.0} | dict.fromkeys(biases, 0.1)


def _drawn(layer: NtkLinear) -> NtkLinear:
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer
