"""Parameters as each form has them."""

from __future__ import annotations

import torch

from trainers.sae.model.architecture import Architecture
from trainers.sae.model.parameters import decoder_of, new_parameters, output_bias


def test_parameters_of_the_forms() -> None:
    mean, generator = torch.ones(4), torch.Generator().manual_seed(0)
    tied = new_parameters(Architecture("relu", 4, 8, tied=True), mean, generator)
    assert sorted(tied) == ["W_enc", "b_dec", "b_enc"] and decoder_of(tied) is tied["W_enc"]
    untied = new_parameters(Architecture("relu", 4, 8), mean, generator)
    assert output_bias(untied | {"b_out": mean}).tolist() == [1, 1, 1, 1]
    jump = new_parameters(Architecture("jumprelu", 4, 8, 2), mean, generator)
    assert torch.equal(jump["W_enc"], jump["W_dec"]) and torch.equal(jump["b_dec"], mean)
    assert jump["threshold"].shape == (8,)
