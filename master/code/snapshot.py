"""The training code as it was when the run was submitted: copied once, the same for all jobs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from master.code.identity import trainer_folder
from master.errors import ConfigError
from worker_agent.protocol.digests import content_hash, digest_directory, publish

_NEVER_CODE = frozenset(
    {".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules", "experiments", ".twophase"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", "wandb"}
)
_NOT_CODE_OUTSIDE_GIT = frozenset({"build", "dist"})
"""Git tells whether a folder of these names holds code; without it they are taken for products."""
_VIRTUAL_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
"""Either lies at the top of an environment, whatever its folder is called."""
_NEVER_CODE_AT_THE_TOP = frozenset({"phase1_base_models.json", "phase2_experiments.json"})
MAX_FILE_BYTES = 10 * 2**20
"""Larger files are data, not code, and are left out."""
MAX_TOTAL_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Program:
    """What a job starts."""

    argv: tuple[str, ...]
    """As in the agent's `Launch`; flags follow."""
    directory: Path
    """The snapshot; its entries are shown in every job's working directory."""
    content_hash: str
    left_out: tuple[str, ...] = ()
    """What lies beside the script and was not copied, each with the reason."""


@dataclass(frozen=True)
class Sources:
    """Files that were found fit to be copied; nothing has been written yet."""

    root: Path
    files: tuple[Path, ...]
    """Relative to `root`."""
    argv: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def find_script(script: Path, run_dir: Path) -> Sources:
    """Return the folder of a user's script, without data, results and caches.

    In a git checkout the files that git tracks or does not ignore are taken.  Raises ConfigError where the
    script is missing or cannot be started, or a file beside it cannot be read, or all are more than
    `MAX_TOTAL_BYTES`.
    """
    check_script(script)
    folder, name = script.resolve().parent, script.resolve().name
    found = find_project(folder, [Path(name)], [run_dir])
    # A name that begins with a dash would be an option of the interpreter.
    argv = ("{python}", f"./{name}" if name.startswith("-") else name)
    return replace(found, argv=argv if script.suffix == ".py" else (f"./{name}",))


def find_project(folder: Path, scripts: Sequence[Path], not_code: Collection[Path]) -> Sources:
    """Return what `find_script` finds for scripts of one folder, relative to it, and nothing to start.

    What lies below the paths of `not_code` is left out.  Raises ConfigError as `find_script`.
    """
    folder, skipped = folder.resolve(), [path.resolve() for path in not_code]
    files, left_out = list(scripts), []
    for path in _code_files(folder, scripts, skipped):
        reason = _reason_to_leave_out(folder / path)
        if reason:
            left_out.append(f"{path}: {reason}")
        elif path not in scripts:
            files.append(path)
    found = Sources(folder, tuple(files), (), tuple(left_out))
    _check_files(found)
    return found


def find_trainer(name: str) -> Sources:
    """Return a trainer that ships with Twophase, and what it imports of it.  Raises UsageError."""
    root = trainer_folder(name).parent.parent
    parts = ("trainers/__init__.py", "worker_agent/__init__.py", f"trainers/{name}", "worker_agent/protocol")
    files = [path.relative_to(root) for part in parts for path in _python_files(root / part)]
    return Sources(root, tuple(files), ("{python}", "-m", f"trainers.{name}"))


def take_snapshot(sources: Sources, snapshots: Path) -> Program:
    """Copy the files below `snapshots`, once for the same content.  Raises ConfigError."""
    snapshots.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix="incoming-", dir=snapshots))
    try:
        for name in sources.files:
            _copy(sources.root / name, staged / name)
        found = content_hash(digest_directory(staged))
        if not (snapshots / found).exists():
            publish(staged, snapshots / found)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return Program(sources.argv, snapshots / found, found, sources.left_out)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(source, target)
    except OSError as error:
        if error.filename == str(target):
            raise
        raise _unreadable(source, error) from error


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(str(path), "", f"cannot be read, and is copied as code: {error.strerror}")


def check_script(script: Path) -> None:
    """Raise ConfigError for a script that is missing or cannot be started."""
    if not script.is_file():
        raise ConfigError(str(script), "", "there is no such script")
    if script.suffix != ".py" and not os.access(script, os.X_OK):
        raise ConfigError(str(script), "", "neither a .py file nor executable; `chmod +x` it")


def _check_files(found: Sources) -> None:
    total = 0
    for name in found.files:
        path = found.root / name
        try:
            with path.open("rb"):
                total += path.stat().st_size
        except OSError as error:
            raise _unreadable(path, error) from error
    if total > MAX_TOTAL_BYTES:
        problem = (
            f"{total / 2**20:.0f} MiB of files lie beside the script, at most {MAX_TOTAL_BYTES >> 20} can be"
            " copied as code: move data away (see `data` in the cluster config) or list it in .gitignore"
        )
        raise ConfigError(str(found.root), "", problem)


def _python_files(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _reason_to_leave_out(path: Path) -> str:
    if path.is_dir():
        return "a link to a folder is not copied as code; if it is data, name it under `data`"
    if not path.exists():
        return "a link to nothing"
    if path.stat().st_size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES >> 20} MiB and not copied as code"
    return ""


def _code_files(folder: Path, scripts: Sequence[Path], not_code: Sequence[Path]) -> Iterator[Path]:
    """Yield relative paths of files, and of links, that belong to the code."""
    tracked = _git_files(folder)
    # Git says nothing of a folder that it ignores as a whole.
    names = tracked if tracked is not None and not set(scripts).isdisjoint(tracked) else _walk(folder)
    for name in names:
        path = folder / name
        in_results = any(folder in other.parents and other in path.parents for other in not_code)
        skipped = _NEVER_CODE.intersection(name.parts[:-1]) or str(name) in _NEVER_CODE_AT_THE_TOP
        if not skipped and not in_results and (path.is_file() or path.is_symlink()):
            yield name


def _git_files(folder: Path) -> list[Path] | None:
    """Return what git knows of below `folder`, None outside a checkout or without git."""
    argv = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(argv, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    names = (Path(os.fsdecode(name)) for name in set(done.stdout.split(b"\0")) if name)
    return sorted(path for name in names for path in _with_inner_checkout(folder, name))


def _with_inner_checkout(folder: Path, name: Path) -> Iterable[Path]:
    """Git names a checkout inside another, such as a submodule, by its folder."""
    inner = folder / name
    if not inner.is_dir() or inner.is_symlink():
        return [name]
    below: Sequence[Path] | None = _git_files(inner) if (inner / ".git").exists() else None
    return [name / path for path in (_walk(inner) if below is None else below)]


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        here = Path(root)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if _may_hold_code(here / name))
        yield from ((here / name).relative_to(folder) for name in sorted([*names, *links]))


def _may_hold_code(folder: Path) -> bool:
    products = folder.name in _NEVER_CODE or folder.name in _NOT_CODE_OUTSIDE_GIT
    return not products and not any((folder / mark).exists() for mark in _VIRTUAL_ENVIRONMENT)
