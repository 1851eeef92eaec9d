"""Adam over one flat vector does what torch's does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers.personalization.adam import FlatAdam


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def train(net: nn.Module, step: object, steps: int = 5) -> None:
    inputs = torch.arange(12.0).view(4, 3) / 10
    for _ in range(steps):
        net(inputs).square().sum().backward()
        step()  # type: ignore[operator]


def values(net: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()]).clone()


def test_it_equals_torchs_but_for_rounding() -> None:
    ours, theirs = network(), network()
    reference = torch.optim.Adam(theirs.parameters(), lr=0.01)

    def step() -> None:
        reference.step()
        theirs.zero_grad()

    train(ours, FlatAdam(ours, lr=0.01).step)
    train(theirs, step)
    torch.testing.assert_close(values(ours), values(theirs))


def test_gradients_are_zero_after_a_step_and_a_rate_of_nothing_moves_nothing() -> None:
    net = network()
    adam, before = FlatAdam(net, lr=0.01), values(net)
    train(net, lambda: adam.step(0.0), steps=1)
    assert torch.equal(values(net), before)
    assert all(p.grad is not None and not p.grad.any() for p in net.parameters())


def test_the_mean_is_there_within_the_block_alone() -> None:
    net = network()
    adam = FlatAdam(net, lr=0.1, average=0.9)
    train(net, adam.step)
    last = values(net)
    with adam.averaged():
        mean = values(net)
    assert torch.equal(values(net), last) and not torch.equal(mean, last)
    adam.take_average()
    assert torch.equal(values(net), mean)


def test_without_a_mean_the_network_stays_as_it_is() -> None:
    net = network()
    adam = FlatAdam(net, lr=0.1)
    train(net, adam.step)
    last = values(net)
    with adam.averaged():
        assert torch.equal(values(net), last)
    adam.take_average()
    assert torch.equal(values(net), last)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_it_goes_on_from_a_saved_state_as_if_it_had_not_stopped(average: float) -> None:
    whole, parts = network(), network()
    first = FlatAdam(whole, lr=0.01, average=average)
    train(whole, first.step, steps=6)
    begun = FlatAdam(parts, lr=0.01, average=average)
    train(parts, begun.step, steps=3)
    again = FlatAdam(parts, lr=0.01, average=average)
    again.load_state_dict(begun.state_dict())
    train(parts, again.step, steps=3)
    assert torch.equal(values(whole), values(parts))
    first.take_average(), again.take_average()
    assert torch.equal(values(whole), values(parts))


def test_a_state_of_another_network_is_refused() -> None:
    state = FlatAdam(nn.Linear(2, 2), lr=0.01).state_dict()
    with pytest.raises(RuntimeError):
        FlatAdam(network(), lr=0.01).load_state_dict(state)
