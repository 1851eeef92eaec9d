"""What is plain to see in a Python file's text."""

from __future__ import annotations

import ast

import pytest

from master.code.declarations.text import (
    UNSEEN,
    constant,
    has_unseen_arguments,
    imported_from,
    last_name,
    names_option,
    parsed,
    words_in,
)


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def test_a_constant_is_what_is_spelled_out() -> None:
    assert [constant(expression(text)) for text in ("1", "-0.5", "['a', 2]", "None")] == [
        1,
        -0.5,
        ["a", 2],
        None,
    ]
    assert constant(expression("1 + x")) is UNSEEN
    assert constant(None, without=5) == 5


def test_names_and_words() -> None:
    assert [last_name(expression(text)) for text in ("a.b.c", "c", "f()")] == ["c", "c", ""]
    assert words_in([expression("f('a', 1, True, 0.5, x)")]) == {"a", "1"}
    trees = [parsed("import a.b\nfrom c.d import e\nfrom . import f\ng(h=1)")]
    assert imported_from(trees) == {"a", "c"}
    assert names_option(trees, "h") and not names_option(trees, "g")


@pytest.mark.parametrize(("text", "unseen"), [("f(1, a=2)", False), ("f(*a)", True), ("f(**a)", True)])
def test_arguments_that_are_not_spelled_out(text: str, unseen: bool) -> None:
    call = expression(text)
    assert isinstance(call, ast.Call) and has_unseen_arguments(call) is unseen


@pytest.mark.parametrize("text", ["print 1", "a\0b"])
def test_what_is_no_python(text: str) -> None:
    with pytest.raises(SyntaxError):
        parsed(text)
