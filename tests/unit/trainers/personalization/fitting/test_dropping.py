"""Masks of dropout: how much they keep, and whose numbers they are made of."""

from __future__ import annotations

import pytest
import torch

from trainers.personalization.fitting.dropping import Drawn, Keeps

LIKE = torch.zeros(0)


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def keeps_of(*shares: float, widths: tuple[int, ...] = (300, 200), windows: int = 64) -> Keeps:
    return Keeps.of([[share] * len(widths) for share in shares], widths, windows, LIKE)


def test_each_network_keeps_its_own_share_and_the_mean_stays() -> None:
    keeps = keeps_of(0.8, 0.5, 0.01)
    masks = keeps.masks(Drawn(keeps, generators(1, 2, 3)).at(0, 3))
    assert [mask.shape for mask in masks] == [(3, 64, 300), (3, 64, 200)]
    for member, share in enumerate((0.8, 0.5, 0.01)):
        for mask in masks:
            kept = mask[member] > 0
            spread = (share * (1 - share) / 12800) ** 0.5
            assert float(kept.float().mean()) == pytest.approx(share, abs=5 * spread)
            assert sorted(set(mask[member][kept].tolist())) == pytest.approx([1 / share], rel=1e-3)


def test_one_that_drops_nothing_draws_nothing_and_keeps_all() -> None:
    keeps, own = keeps_of(1.0, 0.5), generators(1, 2)
    before = own[0].get_state()
    masks = keeps.masks(Drawn(keeps, own).at(0, 2))
    assert torch.equal(own[0].get_state(), before)
    assert all(bool((mask[0] == 1).all()) for mask in masks)


@pytest.mark.parametrize("steps", [1, 20])
def test_a_network_draws_the_same_alone_or_with_others(steps: int) -> None:
    together, alone = keeps_of(0.8, 0.6), keeps_of(0.6)
    many, one = Drawn(together, generators(1, 2)), Drawn(alone, generators(2))
    for step in range(steps):
        found = together.masks(many.at(step, 2))
        expected = alone.masks(one.at(step, 1))
        assert all(torch.equal(a[1], b[0]) for a, b in zip(found, expected, strict=True))


def test_each_step_and_each_layer_has_numbers_of_its_own() -> None:
    keeps = keeps_of(0.5, widths=(50, 50))
    drawn = Drawn(keeps, generators(1))
    masks = [mask for step in range(6) for mask in keeps.masks(drawn.at(step, 1))]
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) == 12


def test_those_that_take_no_further_steps_draw_no_more() -> None:
    keeps, own = keeps_of(0.5, 0.5), generators(1, 2)
    drawn = Drawn(keeps, own)
    drawn.at(0, 2)
    before = own[1].get_state()
    for step in range(1, 20):
        drawn.at(step, 1)
    assert torch.equal(own[1].get_state(), before)


def test_networks_without_dropout_need_no_numbers() -> None:
    keeps = Keeps.of([[], []], (), 8, LIKE)
    assert keeps.masks(Drawn(keeps, generators(1, 2)).at(0, 2)) == []
