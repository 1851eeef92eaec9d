"""Many probes as one model give the gradients of each alone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from trainers.probes.fitting.plan import Batch
from trainers.probes.fitting.stacked import (
    StackedLinear,
    filled_up,
    padded,
    product,
    stack,
    take,
    weighted_loss,
)


def states(columns: int) -> list[dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    return [{"linear.weight": torch.randn(1, 3), "linear.bias": torch.randn(1)} for _ in range(columns)]


def test_stacking_and_taking_are_each_others_inverse() -> None:
    made = states(3)
    taken = take(stack(made), torch.tensor([2]))
    assert all(torch.equal(taken[name][0], made[2][name]) for name in taken)


@pytest.mark.parametrize("weights", [None, (1.0, 3.0)])
def test_gradients_by_hand_are_those_of_torch(weights: tuple[float, ...] | None) -> None:
    made = states(2)
    x, y = torch.randn(5, 3), torch.tensor([[1.0, 0], [0, 0], [1, 1], [0, 1], [0, 0]])
    pos_weight = None if weights is None else torch.tensor(weights)
    batch = Batch(x, y, (), 1.0)
    loss, gradients = StackedLinear(stack(made)).gradients(batch, pos_weight)
    for column, state in enumerate(made):
        weight, bias = (state[name].clone().requires_grad_() for name in ("linear.weight", "linear.bias"))
        z = x @ weight[0] + bias
        own = None if pos_weight is None else pos_weight[column]
        expected = functional.binary_cross_entropy_with_logits(z, y[:, column], pos_weight=own)
        expected.backward()
        torch.testing.assert_close(loss[column] / 5, expected.detach())
        torch.testing.assert_close(gradients["linear.weight"][column], weight.grad)
        torch.testing.assert_close(gradients["linear.bias"][column], bias.grad)


def test_columns_that_fill_up_change_nothing() -> None:
    made = states(13)
    x, y = torch.randn(5, 3), (torch.rand(5, 13) < 0.5).float()
    model, width = StackedLinear(stack(made)), padded(13)
    assert (width, padded(8), padded(16), padded(45)) == (16, 8, 16, 48)
    assert padded(20) == 20, "twelve more would take longer"
    loss, gradients = model.gradients(Batch(x, filled_up(y, width), (), 1.0), torch.full((width,), 2.0))
    for column, state in enumerate(made):
        alone = StackedLinear(stack([state]))
        own, moves = alone.gradients(Batch(x, y[:, column : column + 1], (), 1.0), torch.full((1,), 2.0))
        torch.testing.assert_close(loss[column], own[0])
        for name in moves:
            torch.testing.assert_close(gradients[name][column], moves[name][0])
        torch.testing.assert_close(model.logits(x)[:, column], alone.logits(x)[:, 0])
    assert loss.shape == (13,) and model.parameters["linear.weight"].shape == (13, 1, 3)


@pytest.mark.parametrize("z", [-1e4, -60.0, 0.0, 60.0, 1e4])
def test_the_loss_is_finite_and_exact_far_out(z: float) -> None:
    logits, ones = torch.tensor([z], dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    for y in (ones, 1 - ones):
        expected = functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
        torch.testing.assert_close(weighted_loss(logits, y, None), expected)
        torch.testing.assert_close(weighted_loss(logits, y, ones), expected)


def test_a_product_with_half_precision_is_written_in_the_precision_of_its_place() -> None:
    a, b, out = torch.ones(2, 3, dtype=torch.bfloat16), torch.full((3, 1), 2.0), torch.empty(2, 1)
    assert product(a, b, out) is out and out.tolist() == [[6.0], [6.0]]
