"""Encoding in bfloat16 with values in float32, and the step on all latents."""

from __future__ import annotations

import pytest
import torch

from tests.unit.trainers.sae.data import activations, sae
from trainers.sae.model.dense import dense_loss, encoded
from trainers.sae.model.encoder import (
    auxiliary_codes,
    can_round,
    inference_codes,
    training_codes,
)
from trainers.sae.model.selection import above
from trainers.sae.model.sparse import Batch, Weights, sparse_step
from trainers.sae.model.whole import differentiated_step, whole_step

X = activations(64)


@pytest.mark.parametrize("kind", ["topk", "batchtopk", "matryoshka", "hierarchical"])
def test_latents_chosen_in_bfloat16_have_exact_values(kind: str) -> None:
    known = sae(kind)
    exact = training_codes(known.form, known.parameters, X, rounded=False)
    rounded = training_codes(known.form, known.parameters, X, rounded=True)
    full = encoded(known.form, known.parameters, X)
    torch.testing.assert_close(rounded.values, full[rounded.rows, rounded.columns], rtol=0, atol=1e-5)
    here = set(zip(exact.rows.tolist(), exact.columns.tolist(), strict=True))
    there = set(zip(rounded.rows.tolist(), rounded.columns.tolist(), strict=True))
    assert len(here & there) >= 0.99 * len(here) and len(there) <= 64 * 4


def test_only_float32_is_rounded_and_never_what_is_differentiated() -> None:
    known = sae("topk")
    assert (
        can_round(known.form, X)
        and not can_round(known.form, X.double())
        and not can_round(sae("gelu").form, X)
    )


@pytest.mark.parametrize("kind", ["relu", "jumprelu"])
def test_what_is_above_a_bound_in_bfloat16_has_exact_values(kind: str) -> None:
    known = sae(kind)
    exact = training_codes(known.form, known.parameters, X, rounded=False)
    rounded = training_codes(known.form, known.parameters, X, rounded=True)
    full = encoded(known.form, known.parameters, X)
    torch.testing.assert_close(rounded.values, full[rounded.rows, rounded.columns], rtol=0, atol=1e-5)
    here = set(zip(exact.rows.tolist(), exact.columns.tolist(), strict=True))
    there = set(zip(rounded.rows.tolist(), rounded.columns.tolist(), strict=True))
    assert len(here ^ there) <= 0.01 * len(here) and there


def test_examples_by_themselves_are_measured_by_the_threshold() -> None:
    for kind in ("batchtopk", "jumprelu", "relu", "topk"):
        known = sae(kind)
        codes = inference_codes(known.form, known.parameters, X, known.threshold)
        alone = inference_codes(known.form, known.parameters, X[:1], known.threshold)
        assert torch.equal(codes.columns[codes.rows == 0], alone.columns), kind


def test_only_dead_latents_are_auxiliary() -> None:
    known = sae("topk")
    dead = torch.arange(48) % 6 == 0
    codes = auxiliary_codes(known.form, known.parameters, X, dead)
    assert codes is not None and bool(dead[codes.columns].all())
    assert auxiliary_codes(known.form, known.parameters, X, torch.zeros(48, dtype=torch.bool)) is None


@pytest.mark.parametrize("tied", [True, False])
def test_the_step_on_all_latents_is_the_sparse_one(tied: bool) -> None:
    known = sae("relu", tied=tied, sparsity_coef=0.3)
    parameters = {name: value.double() for name, value in known.parameters.items()}
    x, weights = X.double(), Weights(1 / X.numel())
    h = encoded(known.form, parameters, x)
    sparse = sparse_step(known.form, parameters, Batch(x, above(h, 0.0)), weights)
    whole = whole_step(known.form, parameters, x, weights)
    differentiated = differentiated_step(known.form, parameters, x, weights)
    for name, gradient in sparse.gradients.items():
        torch.testing.assert_close(whole.gradients[name], gradient, rtol=0, atol=1e-10)
        torch.testing.assert_close(differentiated.gradients[name], gradient, rtol=0, atol=1e-10)
    assert float(whole.loss) == pytest.approx(float(sparse.loss), abs=1e-12)
    assert torch.equal(whole.counts, sparse.counts) and torch.equal(differentiated.counts, sparse.counts)


def test_the_step_on_all_latents_in_bfloat16_is_near() -> None:
    known, weights = sae("relu", sparsity_coef=0.3), Weights(1 / X.numel())
    exact = whole_step(known.form, known.parameters, X, weights)
    rounded = whole_step(known.form, known.parameters, X, weights, rounded=True)
    assert float(rounded.loss) == pytest.approx(float(exact.loss), rel=0.01)
    for name, gradient in rounded.gradients.items():
        assert gradient.dtype == torch.float32
        assert float((gradient - exact.gradients[name]).norm() / exact.gradients[name].norm()) < 0.02, name


def test_gelu_is_differentiated() -> None:
    known, weights = sae("gelu"), Weights(1 / X.numel())
    found = differentiated_step(known.form, known.parameters, X, weights)
    assert float(found.loss) == pytest.approx(float(dense_loss(known.form, known.parameters, X, weights)))
