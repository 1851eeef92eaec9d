"""AdamW of members against torch's own, for each member by itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainers.tabular.training.adamw import Factors, MemberAdamW, Pace

SHAPES = {"weight": (3, 2), "bias": (3,), "scale": (2,)}
FACTORS = Factors({"weight": 1.0, "bias": 0.1, "scale": 6.0}, {"weight": 1.0, "bias": 0.0, "scale": 1.0})
PACES = [Pace(0.01, 0.1, 1.0, 3), Pace(0.02, 0.0, 0.0, 3), Pace(0.01, 0.1, 0.2, 2), Pace(0.01, 0.1, 0.0, 3)]


def drawn(seed: int, members: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(members, *shape, generator=generator, dtype=torch.float64)
        for name, shape in SHAPES.items()
    }


def apart(start: dict[str, Tensor], member: int, epochs: int) -> dict[str, Tensor]:
    """Return a member after so many epochs with torch's optimiser."""
    pace = PACES[member]
    values = {name: torch.nn.Parameter(value[member].clone()) for name, value in start.items()}
    groups = [
        {
            "params": [value],
            "lr": pace.learning_rate * FACTORS.rates[name],
            "weight_decay": pace.weight_decay * FACTORS.decays[name],
        }
        for name, value in values.items()
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
    for epoch in range(epochs):
        for step in range(pace.steps):
            for name, gradient in drawn(10 * epoch + step + 1, len(PACES)).items():
                values[name].grad = gradient[member].clone()
            if pace.clip_norm:
                torch.nn.utils.clip_grad_norm_(values.values(), pace.clip_norm)
            optimizer.step()
    return {name: value.detach() for name, value in values.items()}


def epochs(optimizer: MemberAdamW, first: int, count: int, members: list[int]) -> None:
    for epoch in range(first, first + count):
        for step in range(3):
            gradients = [value[members] for value in drawn(10 * epoch + step + 1, len(PACES)).values()]
            optimizer.step(gradients, lambda pace: pace.learning_rate, step)


def test_every_member_moves_as_with_an_optimiser_of_its_own() -> None:
    start = drawn(0, len(PACES))
    values = {name: value.clone() for name, value in start.items()}
    optimizer = MemberAdamW(values, PACES, FACTORS, (0.9, 0.95), stacked=True)
    epochs(optimizer, 0, 2, [0, 1, 2, 3])
    for member in range(len(PACES)):
        for name, expected in apart(start, member, 2).items():
            torch.testing.assert_close(values[name][member], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("member", [0, 1])
def test_a_single_network_moves_as_with_torchs_optimiser(member: int) -> None:
    start = drawn(0, len(PACES))
    values = {name: value[member].clone() for name, value in start.items()}
    optimizer = MemberAdamW(values, [PACES[member]], FACTORS, (0.9, 0.95), stacked=False)
    for epoch in range(2):
        for step in range(3):
            gradients = [value[member] for value in drawn(10 * epoch + step + 1, len(PACES)).values()]
            optimizer.step(gradients, lambda pace: pace.learning_rate, step)
    for name, expected in apart(start, member, 2).items():
        torch.testing.assert_close(values[name], expected, rtol=1e-12, atol=1e-12)


def test_members_that_are_left_go_on_as_if_the_others_had_stayed() -> None:
    start = drawn(0, len(PACES))
    values = {name: value.clone() for name, value in start.items()}
    optimizer = MemberAdamW(values, PACES, FACTORS, (0.9, 0.95), stacked=True)
    epochs(optimizer, 0, 1, [0, 1, 2, 3])
    left = {name: value[[1, 2]].clone() for name, value in values.items()}
    epochs(optimizer.kept(left, [1, 2]), 1, 1, [1, 2])
    for at, member in enumerate((1, 2)):
        for name, expected in apart(start, member, 2).items():
            torch.testing.assert_close(left[name][at], expected, rtol=1e-12, atol=1e-12)


def test_gradients_may_lie_in_memory_in_another_order() -> None:
    values = {"weight": torch.zeros(3, 2, dtype=torch.float64)}
    factors = Factors({"weight": 1.0}, {"weight": 1.0})
    optimizer = MemberAdamW(values, [Pace(0.1, 0.0, 0.0, 1)], factors, (0.9, 0.999), stacked=False)
    gradient = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]], dtype=torch.float64).t()
    optimizer.step([gradient], lambda pace: pace.learning_rate, 0)
    torch.testing.assert_close(values["weight"], -0.1 * gradient, rtol=1e-6, atol=0)


def test_from_a_state_it_goes_on_to_the_bit() -> None:
    values = drawn(0, len(PACES))
    optimizer = MemberAdamW(values, PACES, FACTORS, (0.9, 0.95), stacked=True)
    epochs(optimizer, 0, 1, [0, 1, 2, 3])
    copy = {name: value.clone() for name, value in values.items()}
    other = MemberAdamW(copy, PACES, FACTORS, (0.9, 0.95), stacked=True)
    other.restore(optimizer.state())
    epochs(optimizer, 1, 1, [0, 1, 2, 3])
    epochs(other, 1, 1, [0, 1, 2, 3])
    assert all(torch.equal(values[name], copy[name]) for name in values)
