"""Forms that cannot be, and parameters as each form has them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.sae.model.architecture import Architecture, decoder_of, new_parameters, output_bias


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_latents": 0}, "must be at least 1"),
        ({"k": 0}, "must be at least 1"),
        ({"n_latents": 8, "k": 9}, "k 9 is above the number of latents, 8"),
        ({"tied": True}, "--tied-weights is for relu and gelu, not for batchtopk"),
    ],
)
def test_forms_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Architecture(**{"n_features": 4, **values})


def test_parameters_of_the_forms() -> None:
    mean, generator = torch.ones(4), torch.Generator().manual_seed(0)
    tied = new_parameters(Architecture("relu", 4, 8, tied=True), mean, generator)
    assert sorted(tied) == ["W_enc", "b_dec", "b_enc"] and decoder_of(tied) is tied["W_enc"]
    untied = new_parameters(Architecture("relu", 4, 8), mean, generator)
    assert output_bias(untied | {"b_out": mean}).tolist() == [1, 1, 1, 1]
    jump = new_parameters(Architecture("jumprelu", 4, 8, 2), mean, generator)
    assert torch.equal(jump["W_enc"], jump["W_dec"]) and torch.equal(jump["b_dec"], mean)
    assert jump["threshold"].shape == (8,)


def test_nested_parts_double_and_end_with_all() -> None:
    assert Architecture("matryoshka", 4, 100, 8).prefixes() == [6, 12, 25, 50, 100]
    assert Architecture("hierarchical", 4, 100, 8).counts() == [1, 2, 4, 8]
    assert Architecture("matryoshka", 4, 2, 1).prefixes() == [1, 2]
