"""Which files of a snapshot make up a Python program: the static closure of its imports.  Pure.

Wherever it is in doubt it takes more: a file too many costs a training, one too few a wrong result.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

CONFIG_SUFFIXES = frozenset({".yaml", ".yml", ".toml", ".json", ".ini", ".cfg"})
_DYNAMIC = frozenset(
    {"import_module", "__import__", "run_path", "run_module", "spec_from_file_location", "load_source"}
    | {"SourceFileLoader", "walk_packages", "iter_modules", "instantiate"}
)
"""What imports by a name that is not in an import statement; `instantiate` is Hydra's."""
_BUILTIN = frozenset({"exec", "execfile"})
"""Dynamic as bare names only: methods are often called so."""
_ANYTHING = "*"


@dataclass(frozen=True)
class Closure:
    """The files that a program can read as code."""

    files: frozenset[str]
    """Relative to the snapshot, with `/` between folders."""
    doubts: tuple[str, ...] = ()
    """Where an import could not be followed (`train.py:12: …`); all Python files count then."""


def closure_of(entry: str, names: Collection[str], read: Callable[[str], str]) -> Closure:
    """Return what the program `entry` can import or names in a literal, among the files `names`.

    `read` returns the text of a Python file; it may raise SyntaxError or ValueError for what is no text.
    """
    tree = _Tree.of(names)
    reached, queue, doubts = {entry}, [entry], []
    while queue:
        path = queue.pop()
        found, doubt = _Reader(tree, path, entry).read(read)
        doubts += doubt
        queue += sorted(name for name in found - reached if name.endswith(".py"))
        reached |= found
    if doubts:
        reached |= tree.python
    return Closure(frozenset(reached), tuple(doubts))


@dataclass(frozen=True)
class _Tree:
    """The files of a snapshot, by what an import asks for."""

    python: frozenset[str]
    folders: frozenset[str]
    """That hold Python files at any depth; the top is the empty path."""
    configs: tuple[str, ...]
    places: dict[str, set[str]] = field(default_factory=dict)
    """In which folders a module or package of a name lies."""
    called: dict[str, list[str]] = field(default_factory=dict)
    """Python and configuration files by their names without folders."""

    @classmethod
    def of(cls, names: Collection[str]) -> _Tree:
        python = frozenset(name for name in names if name.endswith(".py"))
        folders = {_text(parent) for name in python for parent in PurePosixPath(name).parents}
        configs = sorted(name for name in names if PurePosixPath(name).suffix.lower() in CONFIG_SUFFIXES)
        tree = cls(python, frozenset(folders), tuple(configs))
        for name in [*python, *(folders - {""})]:
            path = PurePosixPath(name)
            tree.places.setdefault(path.stem if name in python else path.name, set()).add(_text(path.parent))
        for name in [*python, *configs]:
            tree.called.setdefault(name.rpartition("/")[2], []).append(name)
        return tree

    def module(self, root: str, parts: Iterable[str]) -> tuple[set[str], list[str]]:
        """Return the files that importing a module below `root` executes, and the folders it may be."""
        files, here = set(), root
        for part in parts:
            here = _join(here, part)
            files |= {f"{here}.py"} & self.python
            if here not in self.folders:
                return files, []
            files |= {f"{here}/__init__.py"} & self.python
        return files, [here]

    def named_by(self, literal: str) -> Iterator[str]:
        """Yield the Python and configuration files that a literal names, seen from any folder."""
        wanted = _without_dots(literal)
        for name in self.called.get(wanted.rpartition("/")[2], ()):
            if name == wanted or name.endswith(f"/{wanted}"):
                yield name

    def named_like(self, pattern: str) -> Iterator[str]:
        """Yield what a literal with gaps (`*`) may name."""
        wanted = _without_dots(pattern)
        suffix = PurePosixPath(wanted).suffix.lower()
        if suffix not in CONFIG_SUFFIXES | {".py"} or "\n" in wanted:
            return
        for name in self.python if suffix == ".py" else self.configs:
            if fnmatchcase(name, wanted) or fnmatchcase(name, f"*/{wanted}"):
                yield name


class _Reader:
    """Finds what one file refers to."""

    def __init__(self, tree: _Tree, path: str, entry: str) -> None:
        self._tree, self._path = tree, path
        self._folder = _text(PurePosixPath(path).parent)
        # What Python looks through: the script's folder or the working directory, and a `src` layout.
        self._roots = dict.fromkeys((_text(PurePosixPath(entry).parent), "", "src", self._folder))
        self._files: set[str] = set()
        self._doubts: list[str] = []
        self._followed: set[int] = set()

    def read(self, read: Callable[[str], str]) -> tuple[set[str], list[str]]:
        """Return the files, and what cannot be followed."""
        try:
            nodes = [node for node in ast.walk(ast.parse(read(self._path))) if isinstance(node, _TELLING)]
        except (SyntaxError, ValueError, RecursionError) as error:
            return set(), [f"{self._path}: cannot be parsed: {error}"]
        self._files |= self._packages()
        for node in nodes:
            self._look(node)
        for node in nodes:
            self._doubt(node)
        return self._files, self._doubts

    def _packages(self) -> set[str]:
        """Return what importing this file executes before it: its packages."""
        parents = PurePosixPath(self._path).parents
        return {_join(_text(parent), "__init__.py") for parent in parents} & self._tree.python

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    self._absolute(alias.name)
            case ast.ImportFrom(level=0):
                self._absolute(node.module or "", [alias.name for alias in node.names])
            case ast.ImportFrom():
                self._relative(node.level, node.module or "", [alias.name for alias in node.names])
            case ast.Call():
                self._call(node)
            case ast.Constant(value=str(text)):
                self._files.update(self._tree.named_by(text))
            case ast.JoinedStr():
                self._files.update(self._tree.named_like(_pattern(node)))

    def _absolute(self, module: str, names: Collection[str] = ()) -> None:
        first = module.partition(".")[0]
        places = self._tree.places.get(first, set())
        roots = places & self._roots.keys()
        if not roots and first not in sys.stdlib_module_names:
            roots = places  # reached by a change of the search path
        for root in roots:
            self._take(root, module, names)

    def _relative(self, level: int, module: str, names: Collection[str]) -> None:
        folder = PurePosixPath(self._folder)
        for _ in range(level - 1):
            folder = folder.parent
        self._take(_text(folder), module, names)

    def _take(self, root: str, module: str, names: Collection[str]) -> None:
        files, folders = self._tree.module(root, filter(None, module.split(".")))
        self._files |= files
        for folder in folders:
            for name in names:
                self._files |= (
                    self._below(folder) if name == _ANYTHING else self._tree.module(folder, [name])[0]
                )

    def _below(self, folder: str) -> set[str]:
        return {name for name in self._tree.python if _text(PurePosixPath(name).parent) == folder}

    def _call(self, call: ast.Call) -> None:
        """Follow a dynamic import of a name that is written down."""
        called = _name(call.func)
        target = call.args[0] if call.args else None
        if called not in ("import_module", "__import__") or not isinstance(target, ast.Constant):
            return
        if len(call.args) == 1 and isinstance(target.value, str) and not target.value.startswith("."):
            self._followed.add(id(call.func))
            self._absolute(target.value)

    def _doubt(self, node: ast.AST) -> None:
        name = _name(node)
        renamed = isinstance(node, ast.alias) and node.asname and node.name in _DYNAMIC
        dynamic = name in _DYNAMIC or (isinstance(node, ast.Name) and name in _BUILTIN)
        if (dynamic and id(node) not in self._followed) or renamed:
            line = getattr(node, "lineno", 0)
            self._doubts.append(
                f"{self._path}:{line}: {ast.unparse(node)} imports what cannot be read from it"
            )


_TELLING = (
    *(ast.Import, ast.ImportFrom, ast.Call, ast.Constant, ast.JoinedStr),
    *(ast.Name, ast.Attribute, ast.alias),
)
"""The nodes that can refer to a file or to what imports."""


def _without_dots(path: str) -> str:
    """Return a path without `./` and `../` in front: it may be seen from any folder."""
    while path.startswith(("./", "../")):
        path = path.partition("/")[2]
    return path


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _literal(text: str) -> str:
    """Return a literal as a pattern that matches only itself."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)


def _pattern(node: ast.JoinedStr) -> str:
    parts = (part.value if isinstance(part, ast.Constant) else None for part in node.values)
    return "".join(_ANYTHING if part is None else _literal(str(part)) for part in parts)


def _text(path: PurePosixPath) -> str:
    return "" if path == PurePosixPath() else path.as_posix()


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
