"""Fields and values as users write them."""

from __future__ import annotations

import argparse

import pytest

from master.verbs.common.options import named


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("lr=1e-3", ("lr", 0.001)),
        ("model=large", ("model", "large")),
        ("amp=true", ("amp", True)),
        ("n=", ("n", "")),
    ],
)
def test_a_field_has_the_value_that_json_gives_it(text: str, pair: tuple[str, object]) -> None:
    assert named(text) == pair


def test_a_word_without_a_name_is_told() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="has no name"):
        named("lr")
