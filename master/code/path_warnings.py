"""Paths that lead to something here and to nothing where jobs run."""

from __future__ import annotations

import ast
import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePosixPath

from master.code.code_record import listed
from master.code.sources import Sources
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT, PREFIX
from master.specs import Config

_MOST_TEXTS, _MOST_VALUES = 200_000, 1000
"""So many are looked at, with repetitions, and so many of them on the disk: a warning must not take long."""
_LONGEST = 200
_ABOUT_PATHS = ("path", "dir", "file", "folder", "root", "data")


def lost_flags(
    configs: Iterable[Config], sources: Sources, shown: Collection[str], here: Path
) -> Iterator[str]:
    """Yield warnings of relative paths in the flags of jobs that exist `here` and that no job is shown.

    `shown` are the paths at which jobs see data.
    """
    view = {*_with_folders(path.as_posix() for path in sources.files), *_with_folders(shown)}
    found: Mapping[str, set[str]] = defaultdict(set)
    for field, value in _values(configs):
        path = posixpath.normpath(value)
        below_data = any(path.startswith(f"{name}/") for name in shown)
        if path not in view and not below_data and _exists(here / value):
            found[field].add(value)
    for field, values in found.items():
        advice = "if jobs read it, name it under `data` in the cluster config"
        yield f"--{field}: {listed(values)} exists here and not in the folder where jobs start: {advice}"


def _values(configs: Iterable[Config]) -> list[tuple[str, str]]:
    """Return the fields and relative paths of jobs, each once, the first of many."""
    found = dict.fromkeys(islice(_texts(configs), _MOST_TEXTS))
    return [pair for pair in found if _may_be_path(*pair)][:_MOST_VALUES]


def _texts(configs: Iterable[Config]) -> Iterator[tuple[str, str]]:
    """Yield the fields and texts that scripts get as flags."""
    for config in configs:
        for field, value in config.items():
            if field in NOT_FOR_THE_SCRIPT or field.startswith("_") or field == PREFIX.name:
                continue
            for item in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(item, str):
                    yield field, item


def _may_be_path(field: str, text: str) -> bool:
    about = any(word in field.lower() for word in _ABOUT_PATHS)
    return _is_relative(text) and (about or "/" in text or bool(PurePosixPath(text).suffix))


def _is_relative(text: str) -> bool:
    return 0 < len(text) < _LONGEST and not text.startswith(("/", "~", "-")) and text.isprintable()


def _exists(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.exists()
    return False


def _with_folders(paths: Iterable[str]) -> set[str]:
    """Return paths and all folders above them."""
    return {str(each) for path in paths for each in (PurePosixPath(path), *PurePosixPath(path).parents)}


def lost_literals(sources: Sources) -> Iterator[str]:
    """Yield a warning of files that a script names and that lie beside it, not where jobs start."""
    entry = sources.entry
    if entry is None or entry.suffix != ".py" or entry.parent == Path() or "-m" in sources.argv:
        return
    folder, copied = sources.root / entry.parent, {path.as_posix() for path in sources.files}
    names = [name for name in _literals(sources.root / entry) if _exists(folder / name)]
    lost = {name for name in names if name not in copied and not _exists(sources.root / name)}
    if lost:
        where = f"which lies beside it; jobs start in {sources.root} ({sources.why_root})"
        advice = f"if it is opened by this name, give --project-root {folder}"
        yield f"{entry} names {listed(lost)}, {where}: {advice}"


def _literals(script: Path) -> Iterator[str]:
    """Yield the relative paths that stand in a Python file."""
    with suppress(OSError, SyntaxError, ValueError, RecursionError):
        for node in ast.walk(ast.parse(script.read_bytes())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if _is_relative(text) and " " not in text and PurePosixPath(text).suffix:
                    yield text
