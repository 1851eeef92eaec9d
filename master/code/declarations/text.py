"""What stands in the text of a Python file, as far as it is plain to see."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

UNSEEN = object()
"""A value that only running the program would tell."""


def parsed(source: str) -> ast.Module:
    """Return a text as a tree.  Raises SyntaxError where it is not Python."""
    try:
        return ast.parse(source)
    except ValueError as error:  # NUL bytes, before Python 3.12
        raise SyntaxError(str(error)) from error


def constant(node: ast.expr | None, without: Any = None) -> Any:
    """Return the value that an expression spells out, UNSEEN for any other, `without` where there is none."""
    if node is None:
        return without
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNSEEN


def last_name(node: ast.expr | None) -> str:
    """Return the last name of `a.b.c`, `c` of `c`, and "" of anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def called(node: ast.AST) -> str:
    """Return the last name of what a call calls, "" for what is no call."""
    return last_name(node.func) if isinstance(node, ast.Call) else ""


def keywords(call: ast.Call) -> Mapping[str, ast.expr]:
    """Return the arguments that a call names."""
    return {item.arg: item.value for item in call.keywords if item.arg is not None}


def has_unseen_arguments(call: ast.Call) -> bool:
    """Tell whether a call has `*` or `**` among its arguments."""
    return any(item.arg is None for item in call.keywords) or any(
        isinstance(item, ast.Starred) for item in call.args
    )


def calls(trees: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield all calls."""
    return (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))


def defined_in(trees: Iterable[ast.AST]) -> frozenset[str]:
    """Return the names of all functions and classes."""
    defines = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, defines))


def words_in(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """Return all texts and whole numbers that are spelled out, as texts."""
    found = (each.value for node in nodes for each in ast.walk(node) if isinstance(each, ast.Constant))
    return frozenset(str(value) for value in found if type(value) in (str, int))


def names_option(trees: Iterable[ast.AST], name: str) -> bool:
    """Tell whether a name is spelled out anywhere, as a text or as that of an argument."""
    trees = list(trees)
    nodes = (node for tree in trees for node in ast.walk(tree))
    return name in words_in(trees) or any(
        isinstance(node, ast.keyword) and node.arg == name for node in nodes
    )


def imported_from(trees: Iterable[ast.AST]) -> frozenset[str]:
    """Return the first names of all modules that are imported anywhere."""
    return frozenset(name for tree in trees for node in ast.walk(tree) for name in _imported(node))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        yield node.module.partition(".")[0]
