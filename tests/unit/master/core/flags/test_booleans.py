"""What scripts call true and false."""

from __future__ import annotations

import pytest

from master.core.flags.booleans import as_switched, boolean_words


@pytest.mark.parametrize(
    ("vocabulary", "words"),
    [
        ((), ("true", "false")),
        (("1", "true"), ("true", "false")),
        (("True",), ("True", "False")),
        (("0",), ("1", "0")),
        (("yes", "no", "1"), ("yes", "no")),
        (("yes", "true", "t", "y", "1", "no", "false"), ("true", "false")),
        (("auto", "on", "off"), ("on", "off")),
    ],
)
def test_a_pair_that_the_script_knows_is_taken(vocabulary: tuple[str, ...], words: tuple[str, str]) -> None:
    assert boolean_words(vocabulary) == words


def test_a_switch_takes_the_words_of_python() -> None:
    values = ("True", "False", True, "true", "x", 1, None)
    assert [as_switched(value) for value in values] == [True, False, True, "true", "x", 1, None]
