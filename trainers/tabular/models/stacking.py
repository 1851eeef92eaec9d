"""Members of one kind as a single network: every parameter [M, …], every product one for all of them.

Written by hand because that is faster than `torch.func.vmap`, and because masks of dropout have to come from
a generator for each member.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.tabular.models.layers import (
    CategoryTable,
    Constant,
    Dropout,
    EmbeddedLinear,
    OneHot,
    StackedDropout,
    one_hot,
)
from trainers.tabular.models.realmlp import NtkLinear


class _Product(torch.autograd.Function):
    """x·Wᵀ of members; the gradient of W lies in memory as W does, which that of `torch.bmm` would not."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """Return [M, N, outputs] for [M, N, inputs] and [M, outputs, inputs]."""
        ctx.save_for_backward(x, weight)
        return torch.bmm(x, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        """Return the gradients of both; of inputs that need none, None."""
        x, weight = ctx.saved_tensors
        of_x = torch.bmm(gradients[0], weight) if ctx.needs_input_grad[0] else None
        return of_x, torch.bmm(gradients[0].transpose(1, 2), x)


def _product(x: Tensor, weight: Tensor) -> Tensor:
    kind = x.device.type
    if torch.is_autocast_enabled(kind):
        x, weight = x.to(torch.get_autocast_dtype(kind)), weight.to(torch.get_autocast_dtype(kind))
    product: Tensor = _Product.apply(x, weight)
    return product


class StackedLinear(nn.Module):
    """Linear maps of members: [M, …, inputs] → [M, …, outputs]."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = _stacked([layer.weight for layer in layers])
        self.bias = _stacked([layer.bias for layer in layers])
        first = layers[0]
        self.factor = first.factor if isinstance(first, NtkLinear) else 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Apply each member's map to its inputs."""
        product = _product(x.flatten(1, -2), self.weight)
        product = torch.add(self.bias.unsqueeze(1), product, alpha=self.factor)
        return product.view(*x.shape[:-1], product.shape[-1])


class StackedEmbeddedLinear(nn.Module):
    """Linear maps of embedded columns, of members."""

    def __init__(self, layers: Sequence[EmbeddedLinear]) -> None:
        super().__init__()
        self.embedding = StackedLinear([layer.embedding for layer in layers])
        self.linear = StackedLinear([layer.linear for layer in layers])

    def forward(self, numeric: Tensor, others: Tensor | None = None) -> Tensor:
        """Return [M, N, outputs] for [M, N, F] and [M, N, C, E]."""
        members, columns, size = len(numeric), numeric.shape[-1], self.embedding.weight.shape[1]
        whole = self.linear.weight
        weight, rest = whole.split((columns * size, whole.shape[2] - columns * size), 2)
        shared = torch.stack([self.embedding.weight.flatten(1), self.embedding.bias], 2)
        found = torch.bmm(weight.reshape(members, -1, size), shared)
        slopes, constants = found.view(members, -1, columns, 2).unbind(-1)
        bias = (constants.sum(2) + self.linear.bias).unsqueeze(1)
        product = torch.bmm(numeric, slopes.transpose(1, 2)) + bias
        return product if others is None else product + torch.bmm(others.flatten(2), rest.transpose(1, 2))


class StackedLayerNorm(nn.Module):
    """Layer norms of members over the last dimension."""

    def __init__(self, layers: Sequence[nn.LayerNorm]) -> None:
        super().__init__()
        self.weight = _stacked([layer.weight for layer in layers])
        self.bias = _stacked([layer.bias for layer in layers])
        self.eps = layers[0].eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each member's inputs."""
        shape = (len(x), *[1] * (x.dim() - 2), x.shape[-1])
        normed = functional.layer_norm(x, x.shape[-1:], eps=self.eps)
        return torch.addcmul(self.bias.view(shape), normed, self.weight.view(shape))


class StackedConstant(nn.Module):
    """Constants of members."""

    def __init__(self, layers: Sequence[Constant]) -> None:
        super().__init__()
        self.value = _stacked([layer.value for layer in layers])

    def forward(self) -> Tensor:
        """Return [M, 1, …], which broadcasts over rows."""
        return self.value.unsqueeze(1)


class StackedCategoryTable(nn.Module):
    """Tables of members."""

    first_C: Tensor

    def __init__(self, layers: Sequence[CategoryTable]) -> None:
        super().__init__()
        self.weight = _stacked([layer.weight for layer in layers])
        self.register_buffer("first_C", layers[0].first_C.clone(), persistent=False)

    def forward(self, categories: Tensor) -> Tensor:
        """Return [M, N, C, D] for [M, N, C]."""
        members, rows = self.weight.shape[:2]
        own = torch.arange(members, device=categories.device) * rows
        index = categories + self.first_C + own.view(-1, 1, 1)
        return functional.embedding(index, self.weight.flatten(0, 1))


class StackedOneHot(nn.Module):
    """Categories as columns, of members with values of their own."""

    absent_K: Tensor
    present_K: Tensor

    def __init__(self, layers: Sequence[OneHot]) -> None:
        super().__init__()
        self.cardinalities = layers[0].cardinalities
        self.register_buffer("absent_K", torch.stack([layer.absent_K for layer in layers]))
        self.register_buffer("present_K", torch.stack([layer.present_K for layer in layers]))

    def forward(self, categories: Tensor) -> Tensor:
        """Return [M, N, K] for [M, N, C]."""
        known = one_hot(categories, self.cardinalities) > 0
        return torch.where(known, self.present_K.unsqueeze(1), self.absent_K.unsqueeze(1))


_TWINS: Mapping[type[nn.Module], Callable[..., nn.Module]] = {
    nn.Linear: StackedLinear,
    NtkLinear: StackedLinear,
    EmbeddedLinear: StackedEmbeddedLinear,
    nn.LayerNorm: StackedLayerNorm,
    Constant: StackedConstant,
    OneHot: StackedOneHot,
    CategoryTable: StackedCategoryTable,
    Dropout: lambda layers: StackedDropout(layers[0].share),
}


def stacked(members: Sequence[nn.Module]) -> nn.Module:
    """Return one network with inputs [M, N, …] that computes what each member does with its [N, …].

    TypeError where a layer with parameters of its own has no twin.
    """
    first = members[0]
    twin = _TWINS.get(type(first))
    if twin is not None:
        return twin(list(members)).train(first.training)
    if any(True for _ in first.parameters(recurse=False)):
        raise TypeError(f"{type(first).__name__} has parameters and no stacked twin")
    made = copy.copy(first)
    made._modules = {
        name: child if child is None else stacked([member._modules[name] for member in members])  # type: ignore[misc]
        for name, child in first._modules.items()
    }
    return made


def _stacked(values: Sequence[Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.stack([value.detach() for value in values]))
