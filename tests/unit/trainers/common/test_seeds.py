"""Randomness that depends on nothing else."""

from __future__ import annotations

import torch

from trainers.common.seeds import derive_seed, seeded


def test_seeded_draws_are_the_same_and_leave_the_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with seeded(derive_seed(3, "weights", 0)):
            drawn.append(torch.rand(4))
    assert torch.equal(*drawn)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeded_draws_are_those_of_torch_with_the_seed() -> None:
    with seeded(7):
        drawn = torch.rand(4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        assert torch.equal(torch.rand(4), drawn)
