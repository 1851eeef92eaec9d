"""What is going to be copied as code: looked for and checked, nothing written yet."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.code.code_files import LESS_CODE, TooMuchCode, find_code
from master.code.project_root import FLAG, ProjectRoot, find_module, root_of_module, root_of_script
from master.errors import ConfigError, UsageError

MAX_TOTAL_BYTES = 256 * 2**20


@dataclass(frozen=True)
class CodeRequest:
    """What the user wants to have run as jobs: a script or a module."""

    script: Path | None = None
    module: str | None = None
    """As for `python -m`."""
    project_root: Path | None = None
    here: Path = Path()
    """Where the command was given."""
    written_by_runs: tuple[Path, ...] = ()
    """What lies below these paths is never code."""
    named: tuple[Path, ...] = ()
    """Files that the command line names: they are for us, not for a script that is not Python."""


@dataclass(frozen=True)
class Sources:
    """Files that were found fit to be copied."""

    root: Path
    files: tuple[Path, ...]
    """Relative to `root`."""
    argv: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """What looked like code and is not copied, each with the reason."""
    passed_over: tuple[str, ...] = ()
    """What is no code, each with the reason."""
    entry: Path | None = None
    """What is started, relative to `root`; None for a trainer that ships with Twophase."""
    why_root: str = ""
    """Why `root` is the root of the project."""
    total_bytes: int = 0
    named: frozenset[str] = frozenset()
    """Those of the files that the command line names, apart from `entry`."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Files of our making, by name, with their text."""
    shown_at: str = ""
    """Where a job's working directory shows the files; empty: they lie in that directory."""


def find_sources(request: CodeRequest) -> Sources:
    """Return the code that the user's jobs are to run.

    Raises ConfigError where the script or module is missing or cannot be started, or a file beside it cannot
    be read, or there are too many files or more than `MAX_TOTAL_BYTES`; UsageError for a root that cannot be.
    """
    if request.module is not None:
        root = root_of_module(request.project_root, request.here.resolve())
        entry = find_module(request.module, root)
        argv: tuple[str, ...] = ("{python}", "-m", request.module)
    elif request.script is not None:
        check_script(script := request.script.expanduser())
        script = script.resolve()
        root = root_of_script(script, request.project_root, request.here.resolve())
        entry = script.relative_to(root.path)
        argv = _started(entry)
    else:
        raise UsageError("give --script-path, -m or --trainer")
    try:
        found = find_project(root.path, [entry], request.written_by_runs)
    except TooMuchCode as error:
        problem = f"{error.problem}; or name a smaller {FLAG}"
        raise ConfigError(error.source, error.place, problem) from error
    return _described(found, request, root, entry, argv)


def _described(
    found: Sources, request: CodeRequest, root: ProjectRoot, entry: Path, argv: tuple[str, ...]
) -> Sources:
    paths = (path.resolve() for path in request.named)
    named = {path.relative_to(root.path).as_posix() for path in paths if root.path in path.parents}
    return replace(
        found, argv=argv, entry=entry, why_root=root.why, named=frozenset(named - {entry.as_posix()})
    )


def _started(entry: Path) -> tuple[str, ...]:
    """Return how a script is started in the root of its project."""
    if entry.suffix != ".py":
        return (f"./{entry}",)
    # A name that begins with a dash would be an option of the interpreter.
    return ("{python}", f"./{entry}" if str(entry).startswith("-") else str(entry))


def find_project(folder: Path, scripts: Sequence[Path], not_code: Collection[Path]) -> Sources:
    """Return the code in a folder that holds these scripts, relative to it, and nothing to start.

    What lies below the paths of `not_code` is left out.  Raises ConfigError as `find_sources`.
    """
    folder = folder.resolve()
    found = find_code(folder, scripts, [path.resolve() for path in not_code])
    total = _total_bytes(folder, found.files)
    return Sources(folder, found.files, (), found.left_out, found.passed_over, total_bytes=total)


def check_script(script: Path) -> None:
    """Raise ConfigError for a script that is missing or cannot be started."""
    if not script.is_file():
        raise ConfigError(str(script), "", "there is no such script")
    if script.suffix != ".py" and not os.access(script, os.X_OK):
        raise ConfigError(str(script), "", "neither a .py file nor executable; `chmod +x` it")


def unreadable(path: Path, error: OSError) -> ConfigError:
    """Return what to tell of code that cannot be read."""
    return ConfigError(str(path), "", f"cannot be read, and is copied as code: {error.strerror}")


def _total_bytes(folder: Path, names: Sequence[Path]) -> int:
    total = 0
    for name in names:
        path = folder / name
        try:
            with path.open("rb"):
                total += path.stat().st_size
        except OSError as error:
            raise unreadable(path, error) from error
    if total > MAX_TOTAL_BYTES:
        problem = (
            f"{total / 2**20:.0f} MiB of files lie beside the script, at most {MAX_TOTAL_BYTES >> 20} can be"
            f" copied as code: {LESS_CODE}"
        )
        raise TooMuchCode(str(folder), "", problem)
    return total
