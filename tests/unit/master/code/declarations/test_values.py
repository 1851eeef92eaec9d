"""What a flag's type, choices and default say of its values."""

from __future__ import annotations

import ast

import pytest

from master.code.declarations.text import keywords
from master.code.declarations.values import value_of


@pytest.mark.parametrize(
    ("arguments", "boolean"),
    [
        ("", ("true", "false")),
        ("type=int", ("1", "0")),
        ("type=bool", ("True", "")),
        ("type=ast.literal_eval", ("True", "False")),
        ("type=json.loads", ("true", "false")),
        ("choices=['on', 'off']", ("on", "off")),
        ("choices=('True', 'False', 'auto')", ("True", "False")),
        ("default='yes'", ("yes", "no")),
        ("type=lambda s: s == 'True'", ("True", "False")),
        ("type=lambda s: bool(int(s))", ("1", "0")),
        ("type=lambda s: eval(s)", ("True", "False")),
        ("type=theirs.to_bool", ("true", "false")),
    ],
)
def test_the_words_for_true_and_false(arguments: str, boolean: tuple[str, str]) -> None:
    call = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(call, ast.Call)
    assert value_of(keywords(call), {}).boolean == boolean


def test_whole_numbers_are_told() -> None:
    call = ast.parse("f(type=int)", mode="eval").body
    assert isinstance(call, ast.Call)
    assert value_of(keywords(call), {}).is_whole
