"""Stacked layers answer as each network does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from tests.unit.trainers.personalization.fitting.stacks import SPEC
from trainers.personalization.fitting import dense
from trainers.personalization.fitting.layers import dropouts, forward, grouped_conv
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.rows import Rows


@pytest.mark.parametrize("model", ["mlp", "cnn", "test"])
def test_many_networks_answer_as_one_each(model: str) -> None:
    spec = replace(SPEC, model=model, inputs="raw")
    networks = [spec.build().double().eval() for _ in range(3)]
    rows = Rows(networks, [Moments.of(one) for one in networks], averaged=False)
    X = torch.randn(3, 5, 2, 10, dtype=torch.float64)
    found = forward(networks[0], X, iter(rows.first(3).leaves))
    expected = torch.stack([one(x) for one, x in zip(networks, X, strict=True)])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_mask_stands_for_each_layer_of_dropout() -> None:
    network = replace(SPEC, inputs="raw").build().double()
    assert dropouts(network) == [0.3, 0.3]
    rows = Rows([network], [Moments.of(network)], averaged=False)
    X = torch.randn(1, 4, 2, 10, dtype=torch.float64)
    masks = [torch.zeros(1, 4, width, dtype=torch.float64) for width in (6, 5)]
    front, layers = dense.split_off_dense(network)
    with torch.no_grad():
        hidden = forward(front, X, iter(()))
        found, _ = dense.forward(layers, hidden, iter(rows.first(1).leaves), iter(masks))
    torch.testing.assert_close(found[0], list(network.parameters())[-1].expand(4, 3))


def test_convolutions_as_groups_are_those_of_each() -> None:
    X, weight, bias = torch.randn(3, 4, 2, 10), torch.randn(3, 5, 2, 3), torch.randn(3, 5)
    found = grouped_conv(X, weight, bias)
    each = zip(X, weight, bias, strict=True)
    expected = torch.stack([functional.conv1d(x, w, b, padding="same") for x, w, b in each])
    torch.testing.assert_close(found, expected)
