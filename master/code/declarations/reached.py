"""What of a program's files its start can come to, by the names that are mentioned."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def reached(trees: Sequence[ast.Module]) -> list[ast.Module]:
    """Return the trees, the first whole, the others without what only they themselves would start.

    A function or class is kept where its name, or that of a method, is mentioned in what is kept.
    """
    entry, others = trees[0], trees[1:]
    parts = [part for tree in others for part in tree.body if isinstance(part, _Definition)]
    plain = [part for tree in others for part in tree.body if not isinstance(part, _Definition)]
    own = {part.name for part in entry.body if isinstance(part, _Definition)}
    names = _mentioned([entry]) - own | _mentioned(part for part in plain if not _is_start(part))
    kept: set[int] = set()
    while new := [part for part in parts if id(part) not in kept and _names_of(part) & names]:
        kept |= {id(part) for part in new}
        names |= _mentioned(new)
    return [entry, *(_without(tree, kept) for tree in others)]


def _without(tree: ast.Module, kept: set[int]) -> ast.Module:
    body = [
        part
        for part in tree.body
        if (id(part) in kept if isinstance(part, _Definition) else not _is_start(part))
    ]
    return ast.Module(body, [])


def _is_start(part: ast.stmt) -> bool:
    """Tell whether a statement is `if __name__ == "__main__"`."""
    return isinstance(part, ast.If) and "__name__" in _mentioned([part.test])


def _names_of(part: _Definition) -> set[str]:
    inner = part.body if isinstance(part, ast.ClassDef) else []
    return {part.name, *(each.name for each in inner if isinstance(each, _Definition))}


def _mentioned(parts: Sequence[ast.AST] | Iterator[ast.AST]) -> set[str]:
    return {name for part in parts for node in ast.walk(part) for name in _names(node)}


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.alias):
        yield node.name
