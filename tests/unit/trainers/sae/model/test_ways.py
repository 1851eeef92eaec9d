"""What is chosen by the clock, what by what is active, and what is said of it."""

from __future__ import annotations

import itertools

import pytest
import torch

from tests.unit.trainers.sae.data import activations, sae
from trainers.sae.model import ways
from trainers.sae.model.selection import topk
from trainers.sae.model.sparse import Batch, Weights
from trainers.sae.model.ways import Asked, Ways, step, ways_of

X, WEIGHTS = activations(64), Weights(1.0)


def clock(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Let the works that are timed take these seconds each, again and again."""
    taken = itertools.cycle(seconds)
    monkeypatch.setattr(ways, "_seconds", lambda work: (work(), next(taken))[1])


def test_what_is_asked_for_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "_seconds", None)
    known = sae("topk")
    found, lines = ways_of(known.form, known.parameters, X, Asked(True, 0.1), WEIGHTS)
    assert found == Ways(True, 0.1) and lines == ["encoder: float32, chosen in bfloat16"]
    known = sae("gelu")
    assert ways_of(known.form, known.parameters, X, Asked(), WEIGHTS)[1] == ["encoder: float32"]


@pytest.mark.parametrize(("short", "rounded"), [(0.01, True), (0.04, False)])
def test_the_faster_encoder_is_taken_and_said(
    monkeypatch: pytest.MonkeyPatch, short: float, rounded: bool
) -> None:
    clock(monkeypatch, 0.04, short)
    known = sae("topk")
    found, lines = ways_of(known.form, known.parameters, X, Asked(None, 0.1), WEIGHTS)
    assert found.rounded is rounded
    assert lines[0].startswith("encoder: float32 40.0 ms") and "is taken" in lines[0]


@pytest.mark.parametrize(("short", "taken"), [(0.01, True), (0.04, False)])
def test_bytes_are_multiplied_where_that_is_faster_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, short: float, taken: bool
) -> None:
    monkeypatch.setattr(ways, "encoded_in_bytes", lambda form, parameters, x: None)
    clock(monkeypatch, 0.04, short)
    known, before = sae("topk"), Ways(False, 0.1)
    given = (known.form, known.parameters, X)
    found, (_, line) = ways_of(*given, Asked(False, 0.1, None), WEIGHTS)
    assert found == (Ways(True, 0.1, True) if taken else before)
    assert line.endswith("int8 is taken" if taken else "float32 is taken") and "float32 40.0 ms" in line
    found, lines = ways_of(*given, Asked(False, 0.1, True), WEIGHTS)
    assert found == Ways(True, 0.1, True) and lines == ["encoder: float32, chosen in int8"]


def test_dense_products_begin_where_sparse_ones_would_take_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 0.002, 0.010)  # sparse, dense
    known = sae("topk")
    found, lines = ways_of(known.form, known.parameters, X, Asked(False), WEIGHTS)
    share = len(topk(X @ known.parameters["W_enc"].t(), 4).rows) / (64 * 48)
    assert found.dense_above == pytest.approx(5 * share, rel=0.2)
    assert lines[1].startswith("products: sparse 2.0 ms") and "dense 10.0 ms: dense above" in lines[1]


def test_of_a_relu_the_encoder_that_both_ways_have_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch, 0.002, 0.004, 0.010)  # sparse, encoder, dense with its encoder
    known = sae("relu")
    found, _ = ways_of(known.form, known.parameters, X, Asked(False), WEIGHTS)
    assert found.dense_above == pytest.approx(3 / 48, rel=0.6)


@pytest.mark.parametrize("kind", ["topk", "jumprelu", "matryoshka"])
def test_a_step_is_the_same_by_either_products(kind: str) -> None:
    known = sae(kind)
    codes = topk(X @ known.parameters["W_enc"].t(), 4)
    sparse, dense = (
        step(known.form, known.parameters, Batch(X, codes), Ways(False, above), WEIGHTS)
        for above in (1.0, 0.0)
    )
    for name, gradient in sparse.gradients.items():
        torch.testing.assert_close(dense.gradients[name], gradient, rtol=1e-4, atol=1e-3)


def test_the_clock_takes_the_least_of_several_tries() -> None:
    calls: list[int] = []
    assert ways._seconds(lambda: calls.append(1)) >= 0 and len(calls) == ways.TRIES
