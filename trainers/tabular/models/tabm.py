"""TabM (Gorishniy et al., 2024) from its authors' package, as their example trains it.

A row gives k predictions.  They are trained apart, each with a loss of its own, and averaged afterwards:
of classes their probabilities, never their logits.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Problem

MOST_BINS = 48


@dataclass(frozen=True)
class TabmSizes:
    """How large the network is."""

    members: int = 32
    """The k of the paper: predictions of a row."""
    width: int = 512
    blocks: int = 2
    dropout: float = 0.1
    embedding: int = 16
    """Length of the vector that a numeric column becomes."""
    bins: int = MOST_BINS
    """Most intervals of the piecewise linear embedding of a column."""


class Tabm(nn.Module):
    """The package's network behind the inputs and outputs of all others."""

    edges_FE: Tensor

    def __init__(self, columns: Columns, problem: Problem, sizes: TabmSizes, edges_FE: Tensor) -> None:
        super().__init__()
        self.problem = problem
        self.register_buffer("edges_FE", edges_FE)
        self.inner = _inner(columns, problem, sizes, edges_FE)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, k, outputs] while training, else their average [N, outputs]."""
        known = categories if categories.shape[-1] else None
        predicted = self.inner(numeric if numeric.shape[-1] else None, known)
        return predicted if self.training else averaged(predicted, self.problem)


def averaged(predicted: Tensor, problem: Problem) -> Tensor:
    """Return the average over k, [N, k, outputs] → [N, outputs]: of values, of probabilities as a logit."""
    if problem.kind == "multiclass":
        return predicted.softmax(-1).mean(-2).log()
    if problem.kind == "binary":
        return _averaged_logit(predicted)
    if not problem.viability:
        return predicted.mean(-2)
    values, logit = predicted[..., :-1].mean(-2), _averaged_logit(predicted[..., -1:])
    return torch.cat([values, logit], -1)


def _averaged_logit(logits: Tensor) -> Tensor:
    # As differences of logarithms: probabilities next to 1 have no logit in float32.
    sure, unsure = (nn.functional.logsigmoid(sign * logits).logsumexp(-2) for sign in (1, -1))
    return sure - unsure


def bin_edges(numeric: Tensor, most: int = MOST_BINS) -> Tensor:
    """Return the edges of each column's bins [F, most + 1] from training rows [N, F], filled up with NaN.

    Quantiles without repetition, as the authors' `compute_bins` has them; a column of one value gets one bin.
    """
    count = max(1, min(most, len(numeric) - 1))
    levels = torch.linspace(0.0, 1.0, count + 1, dtype=numeric.dtype, device=numeric.device)
    edges = torch.full((numeric.shape[1], most + 1), torch.nan, dtype=numeric.dtype)
    for row, column in zip(edges, numeric.unbind(1), strict=True):
        found = torch.quantile(column, levels).unique() if len(column) else column.new_zeros(1)
        if len(found) == 1:
            found = torch.cat([found - 0.5, found + 0.5])
        row[: len(found)] = found
    return edges


def _inner(columns: Columns, problem: Problem, sizes: TabmSizes, edges_FE: Tensor) -> nn.Module:
    tabm, embeddings = _packages()
    bins = [row[~row.isnan()] for row in edges_FE.cpu().float()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about names that the package still uses
        embedding = _embedding(embeddings, bins, sizes)
        made: nn.Module = tabm.TabM.make(
            n_num_features=len(columns.numeric),
            cat_cardinalities=list(columns.cardinalities),
            d_out=problem.outputs,
            num_embeddings=embedding,
            **{"k": sizes.members, "d_block": sizes.width, "dropout": sizes.dropout},
            **({"n_blocks": sizes.blocks} if embedding is not None else {}),
        )
    return made


def _embedding(package: Any, bins: Sequence[Tensor], sizes: TabmSizes) -> nn.Module | None:
    if not bins:
        return None
    made: nn.Module = package.PiecewiseLinearEmbeddings(
        list(bins), sizes.embedding, activation=False, version="B"
    )
    return made


def _packages() -> tuple[Any, Any]:
    try:
        import rtdl_num_embeddings
        import tabm
    except ImportError as error:
        raise BadInput(
            f"the model tabm needs the package {error.name}: pip install 'twophase[tabular]'"
        ) from error
    return tabm, rtdl_num_embeddings
