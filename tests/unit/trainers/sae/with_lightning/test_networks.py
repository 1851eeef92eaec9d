"""Modules of linear layers compute what our own expressions do, and exchange parameters with them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import activations, sae
from trainers.sae.model.dense import dense_loss
from trainers.sae.model.sparse import Weights
from trainers.sae.with_lightning.networks import (
    L1Autoencoder,
    Network,
    TopKAutoencoder,
    parameters_of,
    put,
)

X = activations(40)


@pytest.mark.parametrize(("kind", "options"), [("relu", {}), ("gelu", {"tied": True}), ("topk", {})])
def test_loss_and_parameters_are_those_of_our_own_loop(kind: str, options: dict[str, Any]) -> None:
    saved = sae(kind, **options)
    network: Network = (
        TopKAutoencoder(saved.form, 2.0, 0.0, 100) if kind == "topk" else L1Autoencoder(saved.form)
    )
    put(saved.parameters, network)
    error = 1 / (40 * 2.0) if kind == "topk" else 1 / X.numel()
    wanted = dense_loss(saved.form, saved.parameters, X, Weights(error))
    figures = network(X)
    torch.testing.assert_close(figures.loss, wanted)
    torch.testing.assert_close(figures.reconstruction_loss + figures.sparsity_loss, figures.loss)
    back = parameters_of(network.state_dict())
    assert back.keys() == saved.parameters.keys()
    for name, value in saved.parameters.items():
        assert torch.equal(back[name], value), name


def test_dead_latents_reconstruct_what_is_left_in_training_alone() -> None:
    saved = sae("topk")
    network = TopKAutoencoder(saved.form, 2.0, 1.0, 40)
    put(saved.parameters, network)
    network.idle[5:25] = 100
    dead = network.idle >= 40
    wanted = dense_loss(saved.form, saved.parameters, X, Weights(1 / 80, 1 / 80), dead)
    assert float(network.eval()(X).sparsity_loss.detach()) == 0
    assert network.idle.sum() == 2000
    torch.testing.assert_close(network.train()(X).loss, wanted)
    assert set(network.idle.tolist()) <= {0, 40, 140}
