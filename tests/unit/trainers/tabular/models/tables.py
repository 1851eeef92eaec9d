"""Small tables for the tests of networks."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.tabular.data.dataset import Columns, Problem

REGRESSION = Problem("regression", ("y",))
BINARY = Problem("binary", ("y",), ("no", "yes"))
MULTICLASS = Problem("multiclass", ("y",), ("a", "b", "c"))
TWO_TARGETS_AND_VIABILITY = Problem("regression", ("y", "z"), viability=True)
NUMBERS = Columns(tuple(f"x{number}" for number in range(19)))
MIXED = Columns(("x0", "x1", "x2"), ("c0", "c1"), (3, 4))
SMALL = {
    "transformer": {"width": 8, "heads": 2, "hidden": 12, "blocks": 2},
    "tabular_transformer": {"width": 8, "heads": 2, "hidden": 12, "blocks": 2},
    "mlp": {"embedding": 4, "hidden": 8, "layers": 2},
    "tabm": {"members": 4, "width": 8, "embedding": 4, "bins": 5},
    "realmlp": {"hidden": 8, "layers": 2},
    "ft_transformer": {"width": 8, "heads": 2, "hidden": 10, "blocks": 2},
}
"""Sizes at which a network is built and trained in milliseconds."""


def rows(columns: Columns, count: int = 7, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return prepared numbers [N, F] and categories [N, C]."""
    generator = torch.Generator().manual_seed(seed)
    numeric = torch.randn(count, len(columns.numeric), generator=generator)
    drawn = [torch.randint(high, (count,), generator=generator) for high in columns.cardinalities]
    return numeric, torch.stack(drawn, 1) if drawn else torch.zeros(count, 0, dtype=torch.int64)
