"""Sparse gradients are those of automatic differentiation through dense matrices."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from trainers.sae.model.architecture import KINDS, Architecture
from trainers.sae.model.dense import dead_codes, dense_loss, encoded
from trainers.sae.model.parameters import Parameters, new_parameters
from trainers.sae.model.products import DENSE, SPARSE, Products
from trainers.sae.model.selection import select
from trainers.sae.model.sparse import Batch, Result, Weights, sparse_step

B, L, D, K = 24, 150, 12, 6
FORMS = [
    Architecture("relu", D, L, K, tied=True),
    *(Architecture(kind, D, L, K) for kind in KINDS if kind != "gelu"),
    Architecture("topk", D, L, k=100),
    Architecture("jumprelu", D, L, K, target="tanh", bandwidth=0.5),
    Architecture("jumprelu", D, L, K, target="tanh", bandwidth=2.0),
]


def prepared(form: Architecture) -> tuple[Parameters, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(B, D, generator=generator, dtype=torch.float64) * 2 + 1
    parameters = new_parameters(form, x.mean(0), generator)
    for name, value in parameters.items():
        parameters[name] = value + torch.randn(value.shape, generator=generator, dtype=torch.float64) * 0.1
    if "threshold" in parameters:
        parameters["threshold"] = parameters["threshold"].abs() + 0.4
    return parameters, x


def sparse(
    form: Architecture,
    parameters: Parameters,
    x: torch.Tensor,
    weights: Weights,
    dead: torch.Tensor,
    products: Products = SPARSE,
) -> Result:
    h = encoded(form, parameters, x)
    codes = select(form, h, parameters.get("threshold"))
    auxiliary = dead_codes(form, h, dead) if weights.auxiliary else None
    return sparse_step(form, parameters, Batch(x, codes, auxiliary), weights, products)


@pytest.mark.parametrize("products", [SPARSE, DENSE], ids=["sparse", "dense"])
@pytest.mark.parametrize("auxiliary", [0.0, 0.03])
@pytest.mark.parametrize(
    "form", FORMS, ids=lambda form: f"{form.kind}-{form.tied}-{form.k}-{form.target}-{form.bandwidth}"
)
def test_gradients_equal_those_of_automatic_differentiation(
    form: Architecture, auxiliary: float, products: Products
) -> None:
    form = dataclasses.replace(form, sparsity_coef=0.5)
    parameters, x = prepared(form)
    weights, dead = Weights(1 / (B * D), auxiliary, 0.75), torch.arange(L) % 5 == 0
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    expected = dense_loss(form, leaves, x, weights, dead)
    expected.backward()
    found = sparse(form, parameters, x, weights, dead, products)
    assert float(found.loss) == pytest.approx(float(expected.detach()), abs=1e-12)
    for name, leaf in leaves.items():
        assert leaf.grad is not None
        torch.testing.assert_close(found.gradients[name], leaf.grad, rtol=0, atol=1e-10)
        assert float(leaf.grad.abs().max()) > 1e-6, name


def test_a_batch_in_which_nothing_is_active_has_the_gradient_of_the_bias_alone() -> None:
    form = Architecture("relu", D, L)
    parameters, x = prepared(form)
    parameters["b_enc"] -= 1000
    found = sparse(form, parameters, x, Weights(1.0), torch.zeros(L, dtype=torch.bool))
    assert int(found.counts.sum()) == 0
    assert not found.gradients["W_enc"].any() and found.gradients["b_dec"].any()
