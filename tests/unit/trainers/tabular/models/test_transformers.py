"""The two published transformers: what tells their columns apart, and what is read out."""

from __future__ import annotations

import torch

from tests.unit.trainers.tabular.models import tables
from trainers.tabular.models.transformers import TabularTransformer, Transformer, TransformerSizes

SIZES = TransformerSizes(8, 2, 12, 2, 0.0)


def test_without_positions_the_transformer_could_not_tell_columns_apart() -> None:
    torch.manual_seed(0)
    network = Transformer(tables.NUMBERS, 1, SIZES).double()
    numeric, categories = tables.rows(tables.NUMBERS)
    numeric = numeric.double()
    swapped = numeric.flip(1)
    assert not torch.allclose(network(numeric, categories), network(swapped, categories))
    torch.nn.init.zeros_(network.positions.value)
    torch.testing.assert_close(network(numeric, categories), network(swapped, categories))


def test_the_transformer_reads_its_own_token_out() -> None:
    network = Transformer(tables.NUMBERS, 1, TransformerSizes(8, 2, 12, 1, 0.0))
    numeric, categories = tables.rows(tables.NUMBERS)
    before = network(numeric, categories)
    torch.nn.init.ones_(network.read_out.value)
    assert not torch.allclose(network(numeric, categories), before)


def test_the_token_that_is_read_out_is_the_same_whether_the_others_are_computed_or_not() -> None:
    torch.manual_seed(0)
    network = Transformer(tables.NUMBERS, 1, SIZES).double()
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(network.encoder(x, 1), network.encoder(x)[:, :1], rtol=1e-12, atol=1e-12)


def test_the_tabular_transformer_embeds_every_column_by_itself() -> None:
    torch.manual_seed(0)
    network = TabularTransformer(tables.NUMBERS, 1, SIZES)
    numeric, _ = tables.rows(tables.NUMBERS)
    tokens = network._tokens(numeric)
    column = torch.nn.functional.layer_norm(
        numeric[:, 3:4] * network.weight.value[3] + network.bias.value[3], (8,)
    )
    torch.testing.assert_close(tokens[:, 3], column)


def test_the_tabular_transformer_pools_by_shares_that_add_up_to_one() -> None:
    network = TabularTransformer(tables.NUMBERS, 1, SIZES)
    numeric, categories = tables.rows(tables.NUMBERS)
    seen = []
    network.attention.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    network(numeric, categories)
    assert seen[0].shape == (7, 19, 1)
    torch.testing.assert_close(seen[0].softmax(-2).sum(-2), torch.ones(7, 1))
