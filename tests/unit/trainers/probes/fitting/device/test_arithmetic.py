"""Gathering, slopes and AdamW as torch has them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from trainers.probes.fitting.device.arithmetic import BETAS, Examples, Logits, Moving, PlainArithmetic
from trainers.probes.reading.inputs import Standardisation


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_rows_come_standardised_and_with_zeros() -> None:
    x, rows, keep = drawn(6, 3), torch.tensor([4, 0]), torch.tensor([[True, False, True]] * 2)
    inputs, out = (
        Standardisation(torch.tensor([1.0, 2, 3]).double(), torch.full((3,), 2.0).double()),
        drawn(2, 3),
    )
    PlainArithmetic().gather(Examples(x, rows, inputs, keep), out)
    torch.testing.assert_close(out, (x[rows] - inputs.mean_D) * 2 * keep)
    PlainArithmetic().gather(Examples(x, rows, None, None), out)
    assert torch.equal(out, x[rows])


@pytest.mark.parametrize("weighted", [False, True])
def test_slopes_are_the_gradients_of_the_mean_loss(weighted: bool) -> None:
    z, bias = drawn(7, 3).requires_grad_(), drawn(3, seed=1).requires_grad_()
    y = (drawn(7, 3, seed=2) > 0).to(torch.uint8)
    weight = torch.tensor([1.0, 3, 0.5]).double() if weighted else None
    found = PlainArithmetic().slopes(Logits(z.detach(), bias.detach(), y, weight, 1.25), torch.float64)
    each = functional.binary_cross_entropy_with_logits(
        z * 1.25 + bias, y.double(), pos_weight=weight, reduction="none"
    )
    each.mean(0).sum().backward()
    torch.testing.assert_close(found.loss_C, each.detach().sum(0))
    torch.testing.assert_close(found.slope_BC, z.grad)
    torch.testing.assert_close(found.bias_C, bias.grad)


def test_steps_are_those_of_torch() -> None:
    values, rates, decays = drawn(2, 5), torch.tensor([0.1, 0.01]).double(), torch.tensor([0.0, 0.3]).double()
    alone = [values[column].clone().requires_grad_() for column in range(2)]
    theirs = [
        torch.optim.AdamW([one], lr=float(rates[c]), weight_decay=float(decays[c]))
        for c, one in enumerate(alone)
    ]
    moving = Moving(
        values, torch.zeros_like(values), torch.zeros_like(values), rates, decays, torch.ones(2).double()
    )
    for step in range(4):
        gradient = drawn(2, 5, seed=step + 9)
        moving.powers.mul_(torch.tensor(BETAS, dtype=torch.float64))
        PlainArithmetic().move(moving, gradient)
        for column, one in enumerate(alone):
            one.grad = gradient[column].clone()
            theirs[column].step()
            torch.testing.assert_close(values[column], one.detach(), rtol=0, atol=1e-14)
