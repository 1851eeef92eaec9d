"""What a Python program imports when it starts, read from its text and that of the modules beside it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

MOST_FILES = 300
_PYTHON = re.compile(r"python(\d+(\.\d+)?)?\Z")
_HEEDLESS = {"os", "sys", "pathlib", "argparse", "json", "time", "math", "random", "warnings", "typing"}
"""Modules that no setting changes when they are imported."""
_CHANGES = {"setdefault", "update", "pop", "clear", "putenv", "unsetenv"}

Import = Tuple[str, Tuple[str, ...]]
"""A module and the names that are taken from it."""
Setting = Tuple[str, str, bool]
"""A variable of the environment, its value, and whether it is set even where it has one."""


class NotPythonError(Exception):
    """What is to be run cannot be read as a Python program; the text says why."""


@dataclass(frozen=True)
class Program:
    """What `python …` was asked to run."""

    source: str
    root: Path
    """Where it looks for modules first."""
    package: str = ""
    """What relative imports are relative to."""
    path: Optional[Path] = None


def program_of(argv: Sequence[str], cwd: Path) -> Program:
    """Return the program of `python -c code …`, `python -m module …` or `python script …`.

    Raises NotPythonError for anything else, OSError for what cannot be read.
    """
    if not _PYTHON.match(Path(argv[0]).name):
        raise NotPythonError(f"{Path(argv[0]).name} is not a Python interpreter")
    first = argv[1] if len(argv) > 1 else ""
    if first in ("-c", "-m") and len(argv) > 2:
        return Program(argv[2], cwd) if first == "-c" else _module_program(argv[2], cwd)
    if not first or first.startswith("-"):
        raise NotPythonError(f"the interpreter is given {first or 'no program'}")
    path = cwd / first
    if path.is_dir() or path.suffix == ".pyc":
        raise NotPythonError(f"{first} is no script in text")
    path = path.resolve()
    return Program(_text(path), path.parent, path=path)


def _module_program(name: str, cwd: Path) -> Program:
    folder = cwd.joinpath(*name.split("."))
    if (folder / "__init__.py").is_file():
        path, package = folder / "__main__.py", name
    else:
        path, package = folder.with_suffix(".py"), name.rpartition(".")[0]
    if not path.is_file():
        raise NotPythonError(f"module {name} is not among the job's files")
    return Program(_text(path), cwd, package, path.resolve())


@dataclass(frozen=True)
class Needs:
    """What a program does before it begins its work."""

    imports: Tuple[Import, ...]
    settings: Tuple[Setting, ...] = ()
    """Of the environment, made before anything that could heed them is imported."""

    def apply(self, env: Dict[str, str]) -> Dict[str, str]:
        """Return an environment with the settings made in it."""
        made = dict(env)
        for name, value, always in self.settings:
            made[name] = value if always else made.get(name, value)
        return made


def needs_of(program: Program) -> Needs:
    """Return what is imported from outside, in order, up to where the environment is changed.

    A change to a constant before the first import that could heed it is a setting; what follows another one
    may depend on it and is left to the program itself, as are imports within functions and conditions.
    Raises NotPythonError for a text that does not parse.
    """
    reader = _Reader(program.root)
    reader.read(program.source, program.package)
    return Needs(tuple(dict.fromkeys(reader.found)), tuple(reader.settings))


class _Reader:
    """Follows the imports of modules beside the program, in the order in which they are executed."""

    def __init__(self, root: Path) -> None:
        self.found: List[Import] = []
        self.settings: List[Setting] = []
        self._root = root
        self._seen: Set[Path] = set()
        self._over = False

    def read(self, source: str, package: str) -> None:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise NotPythonError(f"it cannot be parsed: {error}") from error
        self._statements(tree.body, package)

    def _statements(self, body: Sequence[ast.stmt], package: str) -> None:
        for statement in body:
            if self._over or self._changes(statement):
                self._over = True
                return
            if isinstance(statement, ast.Try):
                self._statements(statement.body, package)
            elif isinstance(statement, ast.Import):
                for alias in statement.names:
                    self._meet(alias.name, ())
            elif isinstance(statement, ast.ImportFrom):
                self._meet(_absolute(statement, package), tuple(item.name for item in statement.names))

    def _changes(self, statement: ast.stmt) -> bool:
        """Return whether a statement changes the environment, and how is not known or it is too late."""
        setting = _setting(statement)
        if setting and all(module.split(".")[0] in _HEEDLESS for module, _ in self.found):
            self.settings.append(setting)
            return False
        return _changes_environment(statement)

    def _meet(self, module: str, names: Tuple[str, ...]) -> None:
        """Note an import from outside, or read what it executes here."""
        parts = module.split(".")
        if not module or not self._is_here(parts[0]):
            outside = tuple(name for name in names if name != "*")
            if module and module != "__future__":
                self.found.append((module, outside))
            return
        for path, package in self._files(parts, names):
            if not self._over and path not in self._seen and len(self._seen) < MOST_FILES:
                self._seen.add(path)
                self.read(_text(path), package)

    def _is_here(self, top: str) -> bool:
        return (self._root / f"{top}.py").is_file() or (self._root / top).is_dir()

    def _files(self, parts: Sequence[str], names: Sequence[str]) -> Iterator[Tuple[Path, str]]:
        """Yield the files that an import executes, with the package that each belongs to."""
        for count in range(1, len(parts) + 1):
            yield from self._file(parts[:count])
        for name in names:
            yield from self._file([*parts, name])

    def _file(self, parts: Sequence[str]) -> Iterator[Tuple[Path, str]]:
        folder = self._root.joinpath(*parts)
        if (folder / "__init__.py").is_file():
            yield folder / "__init__.py", ".".join(parts)
        elif folder.with_suffix(".py").is_file():
            yield folder.with_suffix(".py"), ".".join(parts[:-1])


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    above = package.split(".")
    above = above[: len(above) - statement.level + 1]
    return ".".join([*above, *([statement.module] if statement.module else [])])


def _setting(statement: ast.stmt) -> Optional[Setting]:
    """Return what `os.environ["NAME"] = "value"`, or `setdefault`, sets; None for any other statement."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Subscript) and _is_environment(target.value):
            # Python 3.8 wraps the index.
            index = getattr(target.slice, "value", None)
            name = index if isinstance(index, str) else getattr(index, "value", None)
            return _texts(name, getattr(statement.value, "value", None), True)
    call = getattr(statement, "value", None)
    if isinstance(statement, ast.Expr) and isinstance(call, ast.Call) and len(call.args) == 2:
        called = call.func
        if (
            isinstance(called, ast.Attribute)
            and called.attr == "setdefault"
            and _is_environment(called.value)
        ):
            name, value = (getattr(item, "value", None) for item in call.args)
            return _texts(name, value, False)
    return None


def _texts(name: object, value: object, always: bool) -> Optional[Setting]:
    return (name, value, always) if isinstance(name, str) and isinstance(value, str) else None


def _changes_environment(statement: ast.stmt) -> bool:
    """Return whether a statement, or a function that it defines, writes to the environment."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and node.attr in _CHANGES and _is_environment(node.value):
            return True
        written = isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)
        if written and _is_environment(node.value):  # type: ignore[attr-defined]
            return True
    return False


def _is_environment(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("environ", "os")


def _text(path: Path) -> str:
    """Return a source file's text, whatever its encoding: only its imports matter here."""
    return path.read_bytes().decode("utf-8", "replace")
