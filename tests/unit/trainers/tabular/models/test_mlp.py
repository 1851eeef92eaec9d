"""The plain network: one map for all columns, then layers over them side by side."""

from __future__ import annotations

import torch

from tests.unit.trainers.tabular.models import tables
from trainers.tabular.models.mlp import Mlp, MlpSizes


def test_it_is_torchs_layers_one_after_the_other() -> None:
    torch.manual_seed(0)
    network = Mlp(tables.NUMBERS, 2, MlpSizes(4, 8, 2))
    numeric, categories = tables.rows(tables.NUMBERS)
    x = (numeric[..., None] * network.first.embedding.weight[:, 0] + network.first.embedding.bias).reshape(
        7, 76
    )
    for layer in (network.first.linear, *network.hidden):
        x = torch.relu(x @ layer.weight.T + layer.bias)
    expected = x @ network.head.weight.T + network.head.bias
    torch.testing.assert_close(network(numeric, categories), expected)


def test_columns_of_categories_stand_beside_those_of_numbers() -> None:
    network = Mlp(tables.MIXED, 1, MlpSizes(4, 8, 1))
    assert network.first.linear.in_features == (3 + 2) * 4
    numeric, categories = tables.rows(tables.MIXED)
    other = network(numeric, (categories + 1) % 3)
    assert not torch.equal(network(numeric, categories), other)
