"""Which modules a Python program cannot do without that are not its own: read from its text."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import PurePosixPath

from master.code.import_closure import closure_of
from master.code.sources import Sources

_MODULES = (".py", ".so", ".pyc")
"""Endings of files that Python imports."""


def needed_by(sources: Sources) -> list[str]:
    """Return the modules that workers must have for a snapshot's program; none where it is not Python."""
    names = {path.as_posix() for path in sources.files}
    entry = program_file(sources.argv, names)

    def read(name: str) -> str:
        return (sources.root / name).read_text(encoding="utf-8")

    return needed_modules(entry, names, read) if entry else []


def program_file(argv: Sequence[str], names: Collection[str]) -> str | None:
    """Return which of the files `names` a command starts by the worker's Python, None for another command."""
    match argv:
        case ["{python}", "-m", module, *_]:
            path = module.replace(".", "/")
            return next((name for name in (f"{path}/__main__.py", f"{path}.py") if name in names), None)
        case ["{python}", script, *_] if PurePosixPath(script).as_posix() in names:
            return PurePosixPath(script).as_posix()
    return None


def needed_modules(entry: str, names: Collection[str], read: Callable[[str], str]) -> list[str]:
    """Return the first names of what importing the program's files imports in any case, sorted.

    What stands in a function, or in `try` or `if`, may not be needed, and what comes after a change of the
    search path may be found there.  `read` may raise SyntaxError and ValueError.
    """
    closure = closure_of(entry, names, read)
    # Where imports cannot be followed the closure holds files that may never be imported.
    files = {entry} if closure.doubts else {name for name in closure.files if name.endswith(".py")}
    found = {name for path in files for name in _imported(path, read)}
    return sorted(found - sys.stdlib_module_names - set(_own(names)))


def _own(names: Collection[str]) -> Iterator[str]:
    for name in names:
        path = PurePosixPath(name)
        if path.suffix in _MODULES:
            # An extension is called `fast.cpython-312-x86_64-linux-gnu.so`.
            yield from (path.name.partition(".")[0], *path.parts[:-1])


def _imported(path: str, read: Callable[[str], str]) -> Iterator[str]:
    try:
        body = ast.parse(read(path)).body
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in body:
        if any(
            isinstance(part, ast.Attribute) and ast.unparse(part) == "sys.path" for part in ast.walk(node)
        ):
            return
        match node:
            case ast.Import():
                yield from (alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.partition(".")[0]
