"""What is counted: lines, parameters, methods, docstrings, imports and assertions, from the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.lib.house.imports import imports_in

PRODUCT = ("master", "worker_agent", "trainers")
TESTS = ("tests",)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DECIDING = (
    *(ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.BoolOp, ast.Match),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
RAISING = {"raises", "warns", "fail"}
CHECKING = ("assert_", "check_", "expect_")


@dataclass(frozen=True)
class Function:
    """A function or method: its place, and what is counted of it."""

    place: str
    """`path:Class.name`."""
    lines: int
    """From `def` to the end; decorators are not counted, docstring and inner functions are."""
    parameters: int
    """Without `self` and `cls`."""
    asserts: bool
    """Whether it asserts something itself, or calls a helper that says by its name that it does."""
    decides: bool
    """Whether what it does depends on something: it branches, loops or catches."""

    @property
    def name(self) -> str:
        """Its own name, without class and module."""
        return self.place.rsplit(":", 1)[1].rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Module:
    """A source file."""

    path: str
    lines: int
    functions: tuple[Function, ...]
    classes: dict[str, int]
    """`path:Class` → methods."""
    documented: int
    """Public names with a docstring."""
    undocumented: tuple[str, ...]
    imports: frozenset[str]

    @property
    def folder(self) -> str:
        """The folder that holds it."""
        return self.path.rpartition("/")[0]

    @property
    def dotted(self) -> str:
        """Its name for `import`."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def measure(root: Path, places: tuple[str, ...]) -> list[Module]:
    """Measure all modules below the named folders of a checkout."""
    paths = sorted(path for place in places for path in (root / place).rglob("*.py"))
    return [measure_source(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]


def measure_source(path: str, source: str) -> Module:
    """Measure one module."""
    tree = ast.parse(source)
    public = list(_public(tree, path))
    bare = tuple(place for place, node in public if not ast.get_docstring(node))
    return Module(
        path=path,
        lines=len(source.splitlines()),
        functions=tuple(_functions(tree, f"{path}:")),
        classes=dict(_classes(tree, f"{path}:")),
        documented=len(public) - len(bare),
        undocumented=bare,
        imports=frozenset(imports_in(tree, path.rpartition("/")[0].replace("/", "."))),
    )


def _scopes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST, bool]]:
    """Yield (place, node, directly in a class) of each class and function, inner ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            place = f"{prefix}{node.name}"
            yield place, node, isinstance(tree, ast.ClassDef)
            yield from _scopes(node, f"{place}.")
        else:
            yield from _scopes(node, prefix)


def _functions(tree: ast.AST, prefix: str) -> Iterator[Function]:
    for place, node, in_class in _scopes(tree, prefix):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            decides = any(isinstance(inner, DECIDING) for inner in ast.walk(node))
            yield Function(place, lines, _parameters(node, in_class), _asserts(node), decides)


def _classes(tree: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    for place, node, _ in _scopes(tree, prefix):
        if isinstance(node, ast.ClassDef):
            yield place, sum(isinstance(inner, FUNCTIONS) for inner in node.body)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, in_class: bool) -> int:
    given = node.args
    count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    count += (given.vararg is not None) + (given.kwarg is not None)
    static = any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in node.decorator_list)
    return count - (in_class and not static)


def _public(tree: ast.Module, path: str) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef]]:
    """Yield what should have a docstring: the module, and public classes, functions and methods."""
    yield path, tree
    yield from _public_names(tree, f"{path}:")


def _public_names(
    tree: ast.Module | ast.ClassDef, prefix: str
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node  # type: ignore[misc]
            if isinstance(node, ast.ClassDef):
                yield from _public_names(node, f"{prefix}{node.name}.")


def _asserts(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Assert) or _checks(node) for node in ast.walk(function))


def _checks(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in RAISING or name.startswith(CHECKING)
