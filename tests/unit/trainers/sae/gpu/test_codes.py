"""Active latents by the kernels are those of the plain functions."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton", reason="kernels need pip install triton")

from tests.unit.trainers.sae.data import activations, sae
from trainers.sae.gpu.codes import kernel_codes
from trainers.sae.model.encoder import training_codes

X = activations(80)


@pytest.mark.parametrize("kind", ["topk", "batchtopk"])
@pytest.mark.parametrize("rounded", [False, True])
def test_active_latents_are_those_of_the_plain_functions(kind: str, rounded: bool) -> None:
    known = sae(kind)
    plain = training_codes(known.form, known.parameters, X[:12], rounded=rounded)
    found = kernel_codes(known.form, known.parameters, X[:12], rounded=rounded)
    assert found is not None
    assert torch.equal(found.rows, plain.rows) and torch.equal(found.columns, plain.columns)
    torch.testing.assert_close(found.values, plain.values, rtol=1e-4, atol=1e-5)


def test_without_room_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sae("topk")
    monkeypatch.setattr("trainers.sae.gpu.codes.room", lambda form, k, latents: 3)
    assert kernel_codes(known.form, known.parameters, X[:4], rounded=False) is None
