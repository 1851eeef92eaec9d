"""The plain network that a published script for the pMSSM trains beside its transformers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from trainers.tabular.data.dataset import Columns
from trainers.tabular.models.layers import CategoryTable, EmbeddedLinear


@dataclass(frozen=True)
class MlpSizes:
    """How large the network is."""

    embedding: int = 64
    """Length of the vector that a column becomes."""
    hidden: int = 512
    """Units of a hidden layer."""
    layers: int = 4
    """Hidden layers."""


class Mlp(nn.Module):
    """One linear map shared by all columns, then hidden layers with ReLU over all vectors side by side."""

    def __init__(self, columns: Columns, outputs: int, sizes: MlpSizes) -> None:
        super().__init__()
        self.first = EmbeddedLinear(len(columns.names), sizes.embedding, sizes.hidden)
        known = columns.cardinalities
        self.categories = CategoryTable(known, sizes.embedding) if known else None
        more = range(sizes.layers - 1)
        self.hidden = nn.ModuleList(nn.Linear(sizes.hidden, sizes.hidden) for _ in more)
        self.head = nn.Linear(sizes.hidden, outputs)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, outputs] for prepared columns [N, F] and [N, C]."""
        others = None if self.categories is None else self.categories(categories)
        x = self.first(numeric, others).relu()
        for layer in self.hidden:
            x = layer(x).relu()
        return self.head(x)
