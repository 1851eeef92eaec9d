"""What kind of values a flag takes, as its declaration has it: by its type, its choices and its default."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from master.code.declarations.text import constant, last_name, words_in
from master.core.flags.booleans import (
    DIGITS,
    EMPTY_IS_FALSE,
    PYTHON,
    TRUE_FALSE,
    BooleanWords,
    boolean_words,
)

Functions = Mapping[str, ast.AST]
"""Those of a program, by name."""
_READERS: Mapping[str, BooleanWords] = {
    **{"int": DIGITS, "float": DIGITS, "bool": EMPTY_IS_FALSE},
    **{"literal_eval": PYTHON, "eval": PYTHON, "loads": TRUE_FALSE, "strtobool": TRUE_FALSE},
}
"""What functions that people give as a type read as true and false."""


@dataclass(frozen=True)
class Value:
    """What stands behind a flag."""

    boolean: BooleanWords = TRUE_FALSE
    is_whole: bool = False


def value_of(given: Mapping[str, ast.expr], functions: Functions) -> Value:
    """Return what a flag takes, declared with these arguments of the names that argparse has for them."""
    return Value(_boolean(given, functions), last_name(given.get("type")) == "int")


def _boolean(given: Mapping[str, ast.expr], functions: Functions) -> BooleanWords:
    reader = given.get("type")
    name = last_name(reader)
    if name in _READERS:
        return _READERS[name]
    body = functions.get(name, reader)
    read = words_in([body]) if body is not None else frozenset[str]()
    default = constant(given.get("default"))
    usual = {default} if isinstance(default, str) else set[str]()
    for vocabulary in (words_in(filter(None, [given.get("choices")])), read, usual):
        if boolean_words(vocabulary) != TRUE_FALSE:
            return boolean_words(vocabulary)
    return TRUE_FALSE if read or body is None else _read_by(body)


def _read_by(body: ast.AST) -> BooleanWords:
    """Return what a function reads that compares with no word of its own: what it calls decides."""
    names = [last_name(node.func) for node in ast.walk(body) if isinstance(node, ast.Call)]
    return next((_READERS[name] for name in names if name in _READERS and name != "bool"), TRUE_FALSE)
