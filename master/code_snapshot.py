"""The training code as it was when the run was submitted: copied once, the same for all jobs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from master.errors import ConfigError
from worker_agent.protocol.digests import content_hash, digest_directory, publish

SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".tox", ".venv", "venv", "env", "__pycache__", "node_modules", "build", "dist"}
    | {
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".ipynb_checkpoints",
        "experiments",
        ".twophase",
        "wandb",
    }
)
SKIPPED_FILES = frozenset({"phase1_base_models.json", "phase2_experiments.json", "manifest.json"})
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
    """Files beside the script that are too large to be code."""


def snapshot_script(script: Path, snapshots: Path, run_dir: Path) -> Program:
    """Copy the folder of a user's script, without data, results and caches, below `snapshots`.

    In a git checkout the files that git tracks or does not ignore are taken.  Raises ConfigError where the
    script is missing, cannot be started, or lies among more than `MAX_TOTAL_BYTES` of code.
    """
    if not script.is_file():
        raise ConfigError(str(script), "", "there is no such script")
    if script.suffix != ".py" and not os.access(script, os.X_OK):
        raise ConfigError(str(script), "", "neither a .py file nor executable; `chmod +x` it")
    folder = script.resolve().parent
    script_name = script.resolve().name
    files = [name for name in _code_files(folder, run_dir.resolve()) if name != Path(script_name)]
    small = [name for name in files if (folder / name).stat().st_size <= MAX_FILE_BYTES]
    argv = ("{python}", script_name) if script.suffix == ".py" else (f"./{script_name}",)
    left_out = tuple(str(name) for name in files if name not in set(small))
    return _snapshot(folder, [Path(script_name), *small], snapshots, argv, left_out)


def snapshot_trainer(name: str, snapshots: Path) -> Program:
    """Copy a trainer that ships with Twophase, and what it imports of it."""
    spec = importlib.util.find_spec("trainers")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("trainers", name, "not installed")
    root = Path(next(iter(spec.submodule_search_locations))).parent
    parts = ("trainers/__init__.py", "worker_agent/__init__.py", f"trainers/{name}", "worker_agent/protocol")
    files = [path.relative_to(root) for part in parts for path in _python_files(root / part)]
    return _snapshot(root, files, snapshots, ("{python}", "-m", f"trainers.{name}"), ())


def _python_files(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else path.rglob("*.py")


def _snapshot(
    root: Path, files: list[Path], snapshots: Path, argv: tuple[str, ...], left_out: tuple[str, ...]
) -> Program:
    total = sum((root / name).stat().st_size for name in files)
    if total > MAX_TOTAL_BYTES:
        problem = (
            f"{total / 2**20:.0f} MiB of files lie beside the script, at most {MAX_TOTAL_BYTES >> 20} can be"
            " copied as code: move data away (see `data` in the cluster config) or list it in .gitignore"
        )
        raise ConfigError(str(root), "", problem)
    snapshots.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix="incoming-", dir=snapshots))
    for name in files:
        target = staged / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    found = content_hash(digest_directory(staged))
    if (snapshots / found).exists():
        shutil.rmtree(staged)
    else:
        publish(staged, snapshots / found)
    return Program(argv, snapshots / found, found, left_out)


def _code_files(folder: Path, run_dir: Path) -> Iterator[Path]:
    """Yield relative paths of regular files that belong to the code."""
    names = _git_files(folder)
    for name in names if names is not None else _walk(folder):
        path = folder / name
        skipped = SKIPPED_FOLDERS.intersection(name.parts[:-1]) or name.name in SKIPPED_FILES
        in_run_dir = run_dir != folder and run_dir in path.parents
        if path.is_file() and not skipped and not in_run_dir:
            yield name


def _git_files(folder: Path) -> list[Path] | None:
    """Return what git knows of below `folder`, None outside a checkout or without git."""
    argv = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(argv, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted(Path(os.fsdecode(name)) for name in set(done.stdout.split(b"\0")) if name)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        yield from (Path(root, name).relative_to(folder) for name in sorted(names))
