"""Synthetic activations, and an autoencoder that is the truth against one that is drawn at random."""

from __future__ import annotations

import pytest
import torch

from trainers.sae.files.saved import SavedSae
from trainers.sae.measures.known_features import draw, found, new_world
from trainers.sae.model.architecture import Architecture

WORLD = new_world(16, 32, 2.0, 0)


def sae(directions: torch.Tensor, threshold: float = 0.25) -> SavedSae:
    """Return an autoencoder whose latents are directions."""
    parameters = {
        "W_enc": directions,
        "b_enc": torch.zeros(len(directions)),
        "W_dec": directions,
        "b_dec": WORLD.bias_D,
        "threshold": torch.full((len(directions),), threshold),
    }
    return SavedSae(Architecture("jumprelu", 32, len(directions), 2), parameters, torch.tensor(0.0))


def test_examples_are_what_was_asked_for() -> None:
    x, z = draw(WORLD, 4000, 1)
    assert x.shape == (4000, 32) and z.shape == (4000, 16)
    assert float((z > 0).float().sum(1).mean()) == pytest.approx(2.0, rel=0.15)
    torch.testing.assert_close((z > 0).float().mean(0), WORLD.probability_F, rtol=0.3, atol=0.02)
    assert torch.equal(draw(WORLD, 10, 1)[0], draw(WORLD, 10, 1)[0])
    active = (z[:, :2] > 0).float()
    assert float(active.prod(1).mean()) > 1.05 * float(active.mean(0).prod()), "a group's are active together"


def test_the_truth_is_found_whatever_its_order_and_chance_is_not() -> None:
    x, z = draw(WORLD, 2000, 2)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    orthogonal = torch.linalg.qr(WORLD.directions_FD.t())[0].t()
    world = type(WORLD)(orthogonal, WORLD.probability_F, WORLD.bias_D)
    exact = z @ orthogonal + WORLD.bias_D
    truth = found(sae(orthogonal[order]), world, exact, z)
    assert truth.mcc == pytest.approx(1.0, abs=1e-5) and truth.f1 == pytest.approx(1.0, abs=1e-3)
    chance = found(sae(torch.randn(16, 32, generator=torch.Generator().manual_seed(5))), WORLD, x, z)
    assert chance.mcc < 0.6 and chance.f1 < 0.6
