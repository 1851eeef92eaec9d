"""Which modules a source imports, wherever in it the import hides."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def imports_of(source: str, package: str = "") -> Iterator[str]:
    """Yield the dotted names of all that a source imports, at any depth; `package` holds it."""
    yield from imports_in(ast.parse(source), package)


def imports_in(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Yield what a parsed source imports; `package` completes relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*_above(node, package), *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _above(node: ast.ImportFrom, package: str) -> list[str]:
    parts = package.split(".")
    return parts[: len(parts) - node.level + 1] if node.level else []
