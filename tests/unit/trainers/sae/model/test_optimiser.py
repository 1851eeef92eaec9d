"""Steps of gathered gradients."""

from __future__ import annotations

import copy

import pytest
import torch

from trainers.sae.model.optimiser import Optimiser, Rule


def parameters() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    return {"W_dec": torch.nn.functional.normalize(rows), "b_dec": torch.zeros(3, dtype=torch.float64)}


def test_gradients_are_the_mean_within_the_norm() -> None:
    mine, theirs = parameters(), parameters()
    optimiser = Optimiser(Rule(clip_norm=0.5, accumulate=2, decay=0.1), mine)
    plain = torch.optim.AdamW(list(theirs.values()), lr=0.01, weight_decay=0.1)
    for step in range(1, 4):
        gradients = {name: torch.full_like(value, float(step)) for name, value in mine.items()}
        for name, value in theirs.items():
            value.grad = gradients[name] / 2
        torch.nn.utils.clip_grad_norm_(theirs.values(), 0.5)
        plain.step()
        optimiser.move(gradients, 0.01)
        for name, value in theirs.items():
            torch.testing.assert_close(mine[name], value)
    assert optimiser.steps == 3


def test_rows_keep_norm_1_and_thresholds_do_not_fall_below_0() -> None:
    mine = {**parameters(), "threshold": torch.full((4,), 0.01, dtype=torch.float64)}
    optimiser = Optimiser(Rule(unit_norm=True), mine)
    optimiser.move({name: torch.ones_like(value) for name, value in mine.items()}, 0.1)
    torch.testing.assert_close(mine["W_dec"].norm(dim=1), torch.ones(4, dtype=torch.float64))
    assert mine["threshold"].tolist() == [0.0] * 4


def test_moments_of_some_rows_are_forgotten() -> None:
    mine = parameters()
    optimiser = Optimiser(Rule(), mine)
    rows = torch.tensor([True, False, False, True])
    optimiser.forget("W_dec", rows)  # there are none yet
    optimiser.move({name: torch.ones_like(value) for name, value in mine.items()}, 0.1)
    optimiser.forget("W_dec", rows)
    mean, square = optimiser.moments("W_dec")
    for moment in (mean, square):
        assert not moment[rows].any() and bool((moment[~rows] != 0).all())


def test_it_goes_on_from_a_state_and_steps_of_some_parameters_leave_the_others() -> None:
    one, two = parameters(), parameters()
    first, second = Optimiser(Rule(), one), Optimiser(Rule(), two)
    first.move_some({"b_dec": torch.ones(3, dtype=torch.float64)}, 0.1)
    assert torch.equal(one["W_dec"], two["W_dec"]) and one["b_dec"].tolist() == pytest.approx([-0.1] * 3)
    two["b_dec"].copy_(one["b_dec"])
    second.restore(copy.deepcopy(first.state()))
    for optimiser in (first, second):
        mean, square = optimiser.moments("W_dec")
        assert not mean.any() and not square.any()
        optimiser.move_some({"b_dec": torch.ones(3, dtype=torch.float64)}, 0.1)
    assert second.steps == 2 and torch.equal(one["b_dec"], two["b_dec"])
