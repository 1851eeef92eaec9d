"""Forms that cannot be, and how their parts are counted."""

from __future__ import annotations

from typing import Any

import pytest

from trainers.common.errors import BadInput
from trainers.sae.model.architecture import Architecture


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


def test_nested_parts_double_and_end_with_all() -> None:
    assert Architecture("matryoshka", 4, 100, 8).prefixes() == [6, 12, 25, 50, 100]
    assert Architecture("hierarchical", 4, 100, 8).counts() == [1, 2, 4, 8]
    assert Architecture("matryoshka", 4, 2, 1).prefixes() == [1, 2]
