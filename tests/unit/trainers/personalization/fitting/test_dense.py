"""The way back that is written out is the one that autograd finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.unit.trainers.personalization.fitting.stacks import SPEC
from trainers.personalization.fitting.dense import backward, forward, linear, split_off_dense

M, B = 3, 5


def leaves_of(layers: nn.Sequential) -> list[Tensor]:
    torch.manual_seed(1)
    return [
        torch.randn(M, *one.shape, dtype=torch.float64, requires_grad=True) for one in layers.parameters()
    ]


def expected(layers: nn.Sequential, X: Tensor, leaves: list[Tensor], masks: list[Tensor]) -> Tensor:
    """Return the logits, one network after the other, by torch's own layers."""
    answers = []
    for member in range(M):
        own, left, mask = X[member], iter(leaves), iter(masks)
        for layer in layers:
            if isinstance(layer, nn.Linear):
                own = functional.linear(own, next(left)[member], next(left)[member])
            elif isinstance(layer, nn.Dropout):
                own = own * next(mask)[member]
            else:
                own = layer(own)
        answers.append(own)
    return torch.stack(answers)


@pytest.mark.parametrize("model", ["mlp", "test", "cnn"])
def test_answers_and_gradients_are_those_of_autograd(model: str) -> None:
    _, layers = split_off_dense(replace(SPEC, model=model, inputs="raw").build())
    leaves = leaves_of(layers)
    X = torch.randn(M, B, leaves[0].shape[2], dtype=torch.float64, requires_grad=True)
    widths = {"mlp": (6, 5), "test": (16,), "cnn": (leaves[0].shape[2],)}[model]
    masks = [2.0 * (torch.rand(M, B, width, dtype=torch.float64) < 0.5) for width in widths]
    wanted = expected(layers, X, leaves, masks)
    asked = torch.randn_like(wanted)
    to_leaves = torch.autograd.grad(wanted, [*leaves, X], asked)

    kept = X.detach().clone()
    into = [torch.full_like(leaf, torch.nan, requires_grad=False) for leaf in leaves]
    with torch.no_grad():
        found, tape = forward(layers, kept, iter(leaves), iter(masks))
        back = backward(tape, asked, leaves, into, to_input=True)
    torch.testing.assert_close(found, wanted.detach())
    assert torch.equal(kept, X), "what came in is not the layers' to change"
    torch.testing.assert_close([*into, back], list(to_leaves))


def test_what_nobody_asks_for_is_not_computed() -> None:
    _, layers = split_off_dense(replace(SPEC, inputs="raw").build())
    leaves = leaves_of(layers)
    with torch.no_grad():
        X = torch.randn(M, B, 20, dtype=torch.float64)
        logits, tape = forward(layers, X, iter(leaves), iter(()))
        into = [torch.zeros_like(leaf) for leaf in leaves]
        assert backward(tape, torch.ones_like(logits), leaves, into, to_input=False) is None
    assert all(bool(place.any()) for place in into)


def test_a_layer_is_many_layers() -> None:
    X, weight, bias = torch.randn(M, B, 4), torch.randn(M, 2, 4), torch.randn(M, 2)
    each = [functional.linear(*one) for one in zip(X, weight, bias, strict=True)]
    torch.testing.assert_close(linear(X, weight, bias), torch.stack(each))


def test_networks_are_split_where_dense_layers_begin() -> None:
    front, layers = split_off_dense(replace(SPEC, model="cnn", inputs="raw").build())
    assert isinstance(front[-1], nn.Flatten) and isinstance(layers[0], nn.Dropout)
    assert len(layers) == 2
