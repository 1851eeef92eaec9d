"""Figures of autoencoders of which they are known."""

from __future__ import annotations

import pytest
import torch

from trainers.sae.evaluation import evaluate
from trainers.sae.model.architecture import Architecture

EYE = torch.eye(4)
NONE = torch.tensor(0.0)


def test_figures_of_an_autoencoder_that_keeps_the_largest() -> None:
    form = Architecture("topk", 4, 6, 1)
    wide = torch.cat([EYE, torch.zeros(2, 4)])
    parameters = {"W_enc": wide, "b_enc": torch.zeros(6), "W_dec": wide, "b_dec": torch.zeros(4)}
    x = torch.tensor([[3.0, 1.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]])
    found = evaluate(form, parameters, x, NONE)
    assert found.l0 == 1.0 and found.mse == pytest.approx(1 / 8)
    assert found.fvu == pytest.approx(1 / float((x - x.mean(0)).square().sum()))
    assert found.dead_share == pytest.approx(4 / 6) and found.loss == found.fvu
    assert found.frequency_L.tolist() == [0.5, 0.5, 0, 0, 0, 0] and found.strength_L.tolist()[:2] == [
        3.0,
        2.0,
    ]
    density = found.density()
    assert sum(density["latents"]) == 2 and len(density["log10_edges"]) == 31


def test_the_loss_of_relu_has_its_penalty_and_scaling_changes_no_share() -> None:
    form = Architecture("relu", 4, 4, sparsity_coef=0.5, tied=True)
    parameters = {"W_enc": EYE, "b_enc": torch.zeros(4), "b_dec": torch.full((4,), 0.5)}
    x = torch.rand(10, 4)
    found = evaluate(form, parameters, x, NONE)
    assert found.loss == pytest.approx(0.25 + 0.5 * float(x.mean()), rel=1e-5)
    halved = {**parameters, "b_dec": torch.full((4,), 0.25)}
    assert evaluate(form, halved, x, NONE, 0.5).fvu == pytest.approx(found.fvu, rel=1e-5)
    assert set(found.figures()) == {"loss", "fvu", "mse", "l0", "dead_share"}
