"""The layers that networks for tables are put together from."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from trainers.tabular.models.layers import (
    CategoryTable,
    Dropout,
    EmbeddedLinear,
    EncoderBlock,
    Mish,
    OneHot,
    SelfAttention,
    StackedDropout,
    one_hot,
)


def test_an_encoder_block_is_torchs_pre_norm_encoder_layer() -> None:
    torch.manual_seed(0)
    ours = EncoderBlock(8, 2, 12, 0.1).double().eval()
    theirs = nn.TransformerEncoderLayer(8, 2, 12, 0.1, batch_first=True, norm_first=True).double().eval()
    names = {
        "self_attn.in_proj_weight": "attention.inward.weight",
        "self_attn.in_proj_bias": "attention.inward.bias",
        "self_attn.out_proj.weight": "attention.outward.weight",
        "self_attn.out_proj.bias": "attention.outward.bias",
        **{
            f"linear{number}.{kind}": f"{name}.{kind}"
            for number, name in ((1, "up"), (2, "down"))
            for kind in KINDS
        },
        **{f"norm{number}.{kind}": f"{name}_norm.{kind}" for number, name in NORMS for kind in KINDS},
    }
    ours.load_state_dict({names[key]: value for key, value in theirs.state_dict().items()})
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


KINDS = ("weight", "bias")
NORMS = ((1, "attention"), (2, "hidden"))


def test_attention_for_the_first_token_alone_is_that_of_all_tokens() -> None:
    attention = SelfAttention(8, 2, 0.0).double()
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(attention(x, 1), attention(x)[:, :1], rtol=1e-12, atol=1e-12)


def test_attention_with_dropout_is_right_in_the_mean() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(8, 2, 0.2), torch.randn(1, 5, 8)
    with torch.no_grad():
        mean = attention.train()(x.expand(4000, -1, -1)).mean(0)
        torch.testing.assert_close(mean, attention.eval()(x)[0], rtol=0, atol=0.03)


def test_dropout_of_a_member_does_not_depend_on_its_neighbours() -> None:
    x = torch.ones(3, 50, 4)
    together, alone = StackedDropout(0.4), Dropout(0.4)
    together.generators = [torch.Generator().manual_seed(seed) for seed in (5, 6, 7)]
    alone.generators = [torch.Generator().manual_seed(6)]
    kept = together(x)
    assert torch.equal(kept[1], alone(x[1]))
    assert not torch.equal(kept[0], kept[1])
    torch.testing.assert_close(kept.unique(), torch.tensor([0.0, 65536 / round(0.6 * 65536)]))


@pytest.mark.parametrize("share", [0.1, 0.5, 1e-7])
def test_dropout_takes_its_share_and_leaves_the_mean(share: float) -> None:
    dropout = Dropout(share)
    dropout.generators = [torch.Generator().manual_seed(0)]
    kept = dropout(torch.ones(401, 501, dtype=torch.float64))
    assert float((kept == 0).double().mean()) == pytest.approx(share, abs=0.01)
    assert float(kept.mean()) == pytest.approx(1, abs=0.01)
    # Of neighbours, which are drawn from one word, neither tells of the other.
    assert float((kept[:, 1:] * kept[:, :-1]).mean()) == pytest.approx(1, abs=0.02)


def test_dropout_leaves_alone_what_is_not_trained() -> None:
    x = torch.ones(5)
    assert Dropout(0.4).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_every_column_of_categories_has_vectors_of_its_own() -> None:
    table = CategoryTable((2, 3), 4)
    found = table(torch.tensor([[1, 0], [0, 2]]))
    assert torch.equal(found[0], table.weight[[1, 2]])
    assert torch.equal(found[1], table.weight[[0, 4]])


def test_an_unknown_category_is_in_none_of_the_columns() -> None:
    found = one_hot(torch.tensor([[0, 2], [1, 1]]), (2, 3))
    assert found.tolist() == [[0, 0, 1], [1, 1, 0]]
    assert one_hot(torch.zeros(2, 0, dtype=torch.int64), ()).shape == (2, 0)


def test_a_column_of_categories_has_two_values_of_its_own() -> None:
    values = torch.tensor([-1.0, 0.0, 0.0]), torch.tensor([0.5, 1.0, 2.0])
    found = OneHot((2, 3), values)(torch.tensor([[0, 2], [1, 1]]))
    assert found.tolist() == [[-1, 0, 2], [0.5, 1, 0]]


@pytest.mark.parametrize("training", [True, False])
def test_mish_is_torchs_at_every_size_of_its_input(training: bool) -> None:
    x = torch.tensor([-800.0, -30, -3, -0.1, 0, 0.2, 4, 39, 41, 800], dtype=torch.float64, requires_grad=True)
    found, expected = Mish().train(training)(x), functional.mish(x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    gradients = [torch.autograd.grad(values.sum(), x)[0] for values in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-14)


def test_mish_in_float32_does_not_overflow() -> None:
    x = torch.linspace(-200, 200, 401, requires_grad=True)
    found = Mish().train()(x)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    torch.testing.assert_close(found, functional.mish(x.double()).float())
    assert gradient.isfinite().all()


def test_an_embedding_and_the_map_after_it_are_one_map() -> None:
    torch.manual_seed(0)
    layer = EmbeddedLinear(5, 4, 6).double()
    numeric = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    others = torch.randn(7, 2, 4, dtype=torch.float64, requires_grad=True)
    embedded = torch.cat([layer.embedding(numeric[..., None]), others], 1).flatten(1)
    results = layer(numeric, others), layer.linear(embedded)
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)
    leaves = [numeric, others, *layer.parameters()]
    gradients = [torch.autograd.grad(found.square().sum(), leaves) for found in results]
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)
