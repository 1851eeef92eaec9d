"""Adam over rows does what torch's does for each network, with its own rate."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.unit.trainers.personalization.fitting.stacks import weights
from trainers.personalization.fitting import adam
from trainers.personalization.fitting.moments import Moments
from trainers.personalization.fitting.rows import Rows


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


INPUTS = torch.arange(12.0).view(4, 3) / 10


def train(
    rows: Rows, lr: list[float], steps: int, taken: int = 0, average: float = 0.0, by_row: bool = True
) -> None:
    """Let the sum of the squares of what networks answer fall."""
    count = len(lr)
    rates = adam.rates(lr, [taken] * count, steps, [average] * count, rows.values)
    part = rows.first(count)
    for step in range(steps):
        first, bias, second, last = part.leaves
        hidden = (INPUTS @ first.mT + bias[:, None]).relu()
        answer = hidden @ second.mT + last[:, None]
        found = torch.autograd.grad(answer, part.leaves, 2 * answer.detach())
        with torch.no_grad():
            for place, gradient in zip(part.gradients, found, strict=True):
                place.copy_(gradient)
            part.memory.step(rates.at(step, count), by_row=by_row)


def rows_of(networks: list[nn.Sequential], averaged: bool = False) -> Rows:
    return Rows(networks, [Moments.of(one) for one in networks], averaged)


def row(rows: Rows, matrix: Tensor, number: int) -> Tensor:
    return rows.layout.flat(matrix[number])


@pytest.mark.parametrize("by_row", [True, False])
def test_it_equals_torchs_but_for_rounding_with_a_rate_for_each(by_row: bool) -> None:
    rows, lr = rows_of([network(0), network(1)]), [0.01, 0.003]
    train(rows, lr, 60, by_row=by_row)
    for number in range(2):
        theirs = network(number)
        reference = torch.optim.Adam(theirs.parameters(), lr=lr[number])
        for _ in range(60):
            theirs(INPUTS).square().sum().backward()
            reference.step()
            theirs.zero_grad()
        torch.testing.assert_close(row(rows, rows.values, number), weights(theirs))


@pytest.mark.parametrize("by_row", [True, False])
def test_a_rate_of_nothing_moves_nothing(by_row: bool) -> None:
    rows, before = rows_of([network()]), weights(network())
    train(rows, [0.0], 1, by_row=by_row)
    assert torch.equal(row(rows, rows.values, 0), before)


def test_the_mean_is_kept_beside_the_values_as_its_rule_says() -> None:
    rows, mean = rows_of([network()], averaged=True), weights(network())
    for step in range(1, 4):
        train(rows, [0.1], 1, taken=step - 1, average=0.9)
        keep = min(0.9, step / (step + 10))
        mean = keep * mean + (1 - keep) * row(rows, rows.values, 0)
        torch.testing.assert_close(row(rows, rows.averages, 0), mean)
    assert not torch.equal(row(rows, rows.values, 0), mean)


def test_without_a_mean_the_values_are_their_own() -> None:
    rows = rows_of([network()])
    train(rows, [0.1], 5)
    assert rows.averages is rows.values


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_it_goes_on_from_a_saved_state_as_if_it_had_not_stopped(average: float) -> None:
    whole = rows_of([network()], bool(average))
    train(whole, [0.01], 6, average=average)
    begun = rows_of([network()], bool(average))
    train(begun, [0.01], 3, average=average)
    middle, state = network(), Moments.of(network())
    begun.put(begun.values[0], middle)
    state.load_state_dict(begun.moments(0, 3).state_dict())
    again = Rows([middle], [state], bool(average))
    train(again, [0.01], 3, taken=3, average=average)
    assert torch.equal(whole.values, again.values) and torch.equal(whole.averages, again.averages)
