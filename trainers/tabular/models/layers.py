"""What networks for tables are put together from.

Every network is written for any leading dimensions, so that the same `forward` serves one network with
inputs [N, …] and members stacked into one with inputs [M, N, …]: parameters lie in layers alone, and
`stacking.py` has a twin of each of these layers.  Letters of shapes: N rows, F numeric columns, C categorical
columns, T tokens (columns as vectors), D width, M members.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class Constant(nn.Module):
    """A parameter that does not depend on the inputs."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value)

    def forward(self) -> Tensor:
        """Return the parameter, in a shape that broadcasts over rows."""
        return self.value


class Dropout(nn.Module):
    """Dropout that draws from a generator of its own, so that members do not depend on their neighbours."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generators: Sequence[torch.Generator] = ()
        """One a member; without any the global generator is drawn from."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with a share of it at zero and the rest scaled up; while training only."""
        if not self.training or not self.share:
            return x
        if not self.generators:
            return functional.dropout(x, self.share)
        return x * self.kept(x)

    def kept(self, x: Tensor) -> Tensor:
        """Return what a member's inputs are multiplied by."""
        return _kept(x, self.share, self.generators[0])


class StackedDropout(Dropout):
    """Dropout of members [M, …], each from its own generator."""

    def kept(self, x: Tensor) -> Tensor:
        """Return what the inputs of all members are multiplied by."""
        members = zip(x.unbind(), self.generators, strict=True)
        return torch.stack([_kept(x_m, self.share, generator) for x_m, generator in members])


def _kept(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    if x.device.type != "cpu":
        mask = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        return mask.bernoulli_(1 - share, generator=generator).div_(1 - share)
    # Four draws of 16 bits out of one of 64: a fourth of the time that `bernoulli_` takes on a CPU.
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    kept = min(_DRAWS - 1, round((1 - share) * _DRAWS))
    mask = words.view(torch.int16)[: x.numel()] < kept - _DRAWS // 2
    return mask.to(x.dtype).mul_(_DRAWS / kept).view(x.shape)


_DRAWS = 1 << 16


class CategoryTable(nn.Module):
    """A vector for every category of every categorical column."""

    first_C: Tensor

    def __init__(self, cardinalities: Sequence[int], width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(sum(cardinalities), width))
        nn.init.uniform_(self.weight, -(width**-0.5), width**-0.5)
        first = [0, *accumulate(cardinalities)][:-1]
        self.register_buffer("first_C", torch.tensor(first, dtype=torch.int64), persistent=False)

    def forward(self, categories: Tensor) -> Tensor:
        """Return [N, C, D] for numbers of categories [N, C]."""
        return functional.embedding(categories + self.first_C, self.weight)


class NumericTokens(nn.Module):
    """Numeric columns as vectors: each has a weight and a bias of its own (FT-Transformer, eq. 1)."""

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        bound = width**-0.5
        self.weight = Constant(torch.empty(columns, width).uniform_(-bound, bound))
        self.bias = Constant(torch.empty(columns, width).uniform_(-bound, bound))

    def forward(self, numeric: Tensor) -> Tensor:
        """Return [N, F, D] for [N, F]."""
        return numeric.unsqueeze(-1) * self.weight() + self.bias()


class EmbeddedLinear(nn.Module):
    """A linear map of columns that one shared map has made vectors of before.

    Two maps with nothing between them are one: for numbers [N, F] the product of the shared vector with the
    weights takes the place of [N, F·E], so that the widest product of a network becomes a small one.
    """

    def __init__(self, columns: int, embedding: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(1, embedding)
        self.linear = nn.Linear(columns * embedding, outputs)

    def forward(self, numeric: Tensor, others: Tensor | None = None) -> Tensor:
        """Return [N, outputs] for numbers [N, F] and what else are vectors already, [N, C, E]."""
        columns, size = numeric.shape[-1], self.embedding.out_features
        weight, rest = self.linear.weight.split((columns * size, self.linear.in_features - columns * size), 1)
        shared = torch.cat([self.embedding.weight, self.embedding.bias.unsqueeze(1)], 1)
        slopes, constants = (weight.unflatten(1, (columns, size)) @ shared).unbind(-1)
        found = functional.linear(numeric, slopes, constants.sum(1) + self.linear.bias)
        return found if others is None else found + others.flatten(-2) @ rest.t()


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al., 2017); parameters as in `torch.nn.MultiheadAttention`."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)
        self.dropout = Dropout(dropout)
        nn.init.xavier_uniform_(self.inward.weight)
        nn.init.zeros_(self.inward.bias)
        nn.init.zeros_(self.outward.bias)

    def forward(self, x: Tensor, queries: int | None = None) -> Tensor:
        """Return [N, T, D] for [N, T, D]; with `queries` for the first of the tokens alone."""
        query, key, value = (self._split(part) for part in self.inward(x).chunk(3, -1))
        return self.outward(self._join(self._mix(query[..., :queries, :], key, value)))

    def _mix(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if not (self.training and self.dropout.share):
            lead = query.shape[:-2]
            query, key, value = (part.reshape(-1, 1, *part.shape[-2:]) for part in (query, key, value))
            mixed = functional.scaled_dot_product_attention(query, key, value)
            return mixed.reshape(*lead, -1, query.shape[-1])
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        return self.dropout(scores.softmax(-1)).to(value.dtype) @ value

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-2, -3)

    def _join(self, x: Tensor) -> Tensor:
        return x.transpose(-2, -3).flatten(-2)


class EncoderBlock(nn.Module):
    """A pre-norm encoder layer with ReLU, as `torch.nn.TransformerEncoderLayer(norm_first=True)`."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.hidden_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, dropout)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, queries: int | None = None) -> Tensor:
        """Return [N, T, D] for [N, T, D]; with `queries` for the first of the tokens alone."""
        x = x[..., :queries, :] + self.dropout(self.attention(self.attention_norm(x), queries))
        hidden = self.dropout(functional.relu(self.up(self.hidden_norm(x))))
        return x + self.dropout(self.down(hidden))


class _Mish(torch.autograd.Function):
    """x·tanh(log(1 + eˣ)) by one exponential: less than half the time of torch's on a CPU, and more exact."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the values."""
        power = _bounded_exponential(x)
        share = (power + 2).mul_(power)
        share = share.div_(share + 2)
        ctx.save_for_backward(x, share)
        return x * share

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the gradient: with t = tanh(log(1 + eˣ)) the slope is t + x·σ(x)·(1 - t²)."""
        x, share = ctx.saved_tensors
        slope = x.sigmoid().mul_(x)
        return slope.addcmul_(slope * share, share, value=-1).add_(share).mul_(gradients[0])


def _bounded_exponential(x: Tensor) -> Tensor:
    # From there on Mish is x to the last digit; the square of the power stays finite.
    return x.clamp(max=40.0).exp_()


class Mish(nn.Module):
    """The activation of Misra (2019)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x·tanh(log(1 + eˣ))."""
        if self.training and x.device.type == "cpu" and x.dtype != torch.bfloat16:
            found: Tensor = _Mish.apply(x)
            return found
        return functional.mish(x)


def one_hot(categories: Tensor, cardinalities: Sequence[int]) -> Tensor:
    """Return [N, K]: a column of 0 and 1 for every known category; what is unknown or missing has no 1."""
    columns = zip(categories.unbind(-1), cardinalities, strict=True)
    parts = [functional.one_hot(column, count)[..., 1:] for column, count in columns]
    return torch.cat(parts, -1) if parts else categories[..., :0]


class OneHot(nn.Module):
    """Categories as columns of two values each."""

    absent_K: Tensor
    present_K: Tensor

    def __init__(self, cardinalities: Sequence[int], values: tuple[Tensor, Tensor] | None = None) -> None:
        """`values` [K] stand for another category and for this one; without them 0 and 1 do."""
        super().__init__()
        self.cardinalities = tuple(cardinalities)
        count = sum(cardinalities) - len(cardinalities)
        absent, present = values or (torch.zeros(count), torch.ones(count))
        self.register_buffer("absent_K", absent)
        self.register_buffer("present_K", present)

    def forward(self, categories: Tensor) -> Tensor:
        """Return [N, K] for numbers of categories [N, C]."""
        return torch.where(one_hot(categories, self.cardinalities) > 0, self.present_K, self.absent_K)
