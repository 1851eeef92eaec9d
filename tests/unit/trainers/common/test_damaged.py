"""Whatever a library raises about a file becomes one error; our own and the end of memory pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.common.damaged import reading
from trainers.common.errors import BadInput, FullDiskError

PATH = Path("rows.x")


@pytest.mark.parametrize("error", [AssertionError(), KeyError("y"), TypeError("a\nb"), OSError("cut")])
def test_what_a_library_says_is_told_on_a_line_with_the_file(error: Exception) -> None:
    with pytest.raises(BadInput, match=r"^rows\.x: cannot be read as X: [^\n]+$"), reading(PATH, "X"):
        raise error


def test_a_long_story_is_cut() -> None:
    with pytest.raises(BadInput) as caught, reading(PATH, "X"):
        raise ValueError("x" * 10_000)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("error", [FullDiskError("no room"), BadInput("ours"), MemoryError()])
def test_what_is_no_damage_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, reading(PATH, "X"):
        raise error
    assert caught.value is error
