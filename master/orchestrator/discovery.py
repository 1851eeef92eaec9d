"""Finds training scripts, and reads from their text which flags they take."""

from __future__ import annotations

import os
import platform
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from master.code.declarations.reading import flags_in
from master.code.declarations.text import parsed
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.errors import UsageError

DEFAULT_PATTERN = "train_*.py"
_PREFIX = "train_"
_SKIPPED = frozenset({"__pycache__", "venv", "env", "build", "dist", "node_modules", "site-packages"})
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
"""Either lies at the top of an environment, whatever its folder is called."""
RESULTS = "experiments"
"""At the top of a project this folder is for results: jobs are never shown what lies in it."""

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "epochs": ("epochs",),
    "folds": ("folds",),
    "sample": ("sample",),
    "batch": ("batch-size", "batch_size"),
    "output_dir": ("output-dir", "output_dir"),
}
"""What the command can pass on, and how scripts call it; the first is the usual name."""


@dataclass(frozen=True)
class Script:
    """A training script, read but not run."""

    path: Path
    """Absolute."""
    takes: Mapping[str, str] = field(default_factory=dict)
    """Key of `SPELLINGS` → the flag as the script spells it, with its dashes."""
    problem: str = ""
    """Why it cannot be run."""
    flags: ScriptFlags = NOTHING_KNOWN
    """All that its text declares."""

    @property
    def declared(self) -> frozenset[str]:
        """The long flags among them, without their dashes."""
        return self.flags.long_names


def read_script(path: Path) -> Script:
    """Return what a script's text tells: nothing where it is not Python.

    One that does not parse has a `problem`; nothing is raised.
    """
    if path.suffix != ".py":
        return Script(path)
    try:
        with warnings.catch_warnings(), tokenize.open(path) as stream:
            warnings.simplefilter("ignore")
            flags = flags_in(path.name, [parsed(stream.read())])
    except SyntaxError as error:
        return Script(path, problem=_not_python(error))
    except (UnicodeDecodeError, RecursionError, MemoryError) as error:
        return Script(path, problem=f"does not parse: {error}")
    except OSError as error:
        return Script(path, problem=f"cannot be read: {error.strerror}")
    return Script(path, dict(_taken(flags.long_names)), flags=flags)


def _not_python(error: SyntaxError) -> str:
    line = f"line {error.lineno}: " if error.lineno else ""
    return f"does not parse as Python {platform.python_version()}: {line}{error.msg}"


def _taken(declared: frozenset[str]) -> Iterator[tuple[str, str]]:
    for what, names in SPELLINGS.items():
        if found := [name for name in names if name in declared]:
            yield what, f"--{found[0]}"


def patterns_of(given: Sequence[str]) -> tuple[str, ...]:
    """Return the file patterns to look for.

    `train_*.py`, and `given` besides; one that begins with `train_` narrows the usual pattern instead.
    """
    narrowed = any(pattern.startswith(_PREFIX) for pattern in given)
    return tuple(dict.fromkeys([*given] if narrowed else [DEFAULT_PATTERN, *given]))


def find_scripts(
    roots: Sequence[Path], patterns: Sequence[str], excluded: Sequence[re.Pattern[str]], project: Path
) -> list[Path]:
    """Return the files below `roots` that fit a pattern, sorted, each once, as absolute paths.

    Left out are environments, caches and hidden folders, and paths (relative to `project` where they can be)
    in which one of `excluded` is found.  Raises UsageError for a root that is no directory.
    """
    found: dict[Path, None] = {}
    for root in roots:
        if not root.is_dir():
            raise UsageError(f"--discover-root {root}: there is no such directory")
        for path in _walk(root.absolute(), project / RESULTS):
            if any(fnmatch(path.name, pattern) for pattern in patterns) and path.is_file():
                found[Path(os.path.normpath(path))] = None
    kept = (path for path in found if not _is_excluded(path, excluded, project))
    return sorted(kept)


def _walk(root: Path, results: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        here = Path(folder)
        below[:] = sorted(name for name in below if _is_searched(here / name) and here / name != results)
        yield from (here / name for name in names)


def _is_searched(folder: Path) -> bool:
    if folder.name.startswith(".") or folder.name in _SKIPPED:
        return False
    return not any((folder / mark).exists() for mark in _ENVIRONMENT)


def _is_excluded(path: Path, excluded: Iterable[re.Pattern[str]], project: Path) -> bool:
    text = shown_path(path, project)
    return any(pattern.search(text) for pattern in excluded)


def shown_path(path: Path, project: Path) -> str:
    """Return a path as the user knows it: relative to the project where it lies in it."""
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else str(path)


def compiled(expressions: Sequence[str]) -> list[re.Pattern[str]]:
    """Return compiled `--exclude-regex` values.  Raises UsageError, with the place, for one that is wrong."""
    return [_compiled(text) for text in expressions]


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        place = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise UsageError(f"--exclude-regex {text!r}: no regular expression: {error.msg}{place}") from error
