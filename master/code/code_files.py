"""Which files below a folder are code, and why others are not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from master.code.git import git_argv
from master.errors import ConfigError
from master.intake.secrets.secret_files import NAMED, is_cluster_config, named_by, secret_in

_STATE = ".twophase"
_RESULTS = frozenset({"experiments", "wandb"})
_NEVER_CODE = _RESULTS | frozenset(
    {".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "node_modules", _STATE}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints"}
)
_NOT_CODE_OUTSIDE_GIT = frozenset({"build", "dist"})
"""Git tells whether a folder of these names holds code; without it they are taken for products."""
_VIRTUAL_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
"""Either lies at the top of an environment, whatever its folder is called."""
_LOGS = frozenset({"phase1_base_models.json", "phase2_experiments.json", "phase2_experiments.csv"})
"""What a run leaves beside its state."""
MAX_FILE_BYTES = 10 * 2**20
"""Larger files are data, not code, and are left out."""
MAX_FILES = 20_000
"""More are data: every job gets a copy of its own."""


LESS_CODE = "list data in .gitignore, or move it away (see `data` in the cluster config)"


class TooMuchCode(ConfigError):
    """A project holds more than can be copied as code."""


@dataclass(frozen=True)
class CodeFiles:
    """What was found below a folder; all paths are relative to it."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...] = ()
    """What looked like code and is not taken, each with the reason."""
    passed_over: tuple[str, ...] = ()
    """What is no code, each with the reason; caches and environments are not told."""


def find_code(folder: Path, scripts: Sequence[Path], not_code: Collection[Path]) -> CodeFiles:
    """Return the code below a folder, the `scripts` first; nothing below the paths of `not_code` is.

    In a git checkout the files that git tracks or does not ignore are taken.  Raises TooMuchCode.
    """
    search = _Search(folder, [path for path in not_code if folder in path.parents])
    reasons = {
        path: _reason_to_leave_out(folder / path) for path in search.look(scripts) if path not in scripts
    }
    if named := set(_named_by_configs(folder, reasons)):
        reasons |= {path: NAMED for path in reasons if os.path.realpath(folder / path) in named}
    files = (path for path, reason in reasons.items() if not reason)
    left_out = (f"{path}: {reason}" for path, reason in reasons.items() if reason)
    return CodeFiles((*scripts, *files), tuple(left_out), tuple(search.told()))


def _named_by_configs(folder: Path, reasons: Mapping[Path, str]) -> Iterator[str]:
    """Yield the real paths of the files of secrets that cluster configs among the files name."""
    for path, reason in reasons.items():
        if reason and is_cluster_config(folder / path):  # what is taken was looked at, and is none
            yield from map(os.path.realpath, named_by(folder / path))


def _not_too_many(folder: Path, names: Iterable[Path]) -> Iterator[Path]:
    """Yield names.  Raises TooMuchCode where there seems to be no end of them."""
    for count, name in enumerate(names):
        if count == MAX_FILES:
            raise _too_many(folder)
        yield name


def _too_many(folder: Path) -> TooMuchCode:
    problem = f"holds more than {MAX_FILES:,} files, which are copied as code for every job: {LESS_CODE}"
    return TooMuchCode(str(folder), "", problem)


def _reason_to_leave_out(path: Path) -> str:
    if reason := secret_in(path):
        return reason
    if path.is_dir():
        return "a link to a folder is not copied as code; if it is data, name it under `data`"
    if not path.exists():
        return "a link to nothing"
    if path.stat().st_size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES >> 20} MiB and not copied as code"
    return ""


@dataclass
class _Search:
    """A look through one folder, and what was passed over on the way."""

    folder: Path
    not_code: Sequence[Path]
    """Below the folder."""
    _passed: dict[str, str] = field(default_factory=dict)

    def look(self, scripts: Sequence[Path]) -> Iterator[Path]:
        """Yield files, and links, that belong to the code.  Raises TooMuchCode."""
        tracked = _git_files(self.folder)
        # Git says nothing of a folder that it ignores as a whole.
        if tracked is not None and not set(scripts).isdisjoint(tracked):
            names: Iterable[Path] = tracked
            self._passed.update((name, "ignored by git") for name in _ignored_by_git(self.folder))
        else:
            names = self.walk(self.folder)
        for name in _not_too_many(self.folder, names):
            path = self.folder / name
            if not self._is_passed_over(name) and (path.is_file() or path.is_symlink()):
                yield name

    def told(self) -> Iterator[str]:
        """Yield what was passed over, with the reason."""
        yield from (f"{name}: {reason}" for name, reason in sorted(self._passed.items()))

    def _is_passed_over(self, name: Path) -> bool:
        for depth, part in enumerate(name.parts[:-1], 1):
            if part in _NEVER_CODE:
                if part in _RESULTS:
                    self._passed[f"{Path(*name.parts[:depth])}/"] = "the name of a folder for results"
                return True
        path = self.folder / name
        for other in self.not_code:
            if other == path or other in path.parents:
                shown = other.relative_to(self.folder)
                if other.is_file():
                    self._passed[str(shown)] = "may hold secrets"
                else:
                    self._passed[f"{shown}/"] = "written by runs"
                return True
        at_the_top = len(name.parts) == 1
        return name.name in _LOGS and (at_the_top or (path.parent / _STATE).is_dir())

    def walk(self, top: Path) -> Iterator[Path]:
        """Yield files, and links to folders, where git has nothing to say."""
        for root, folders, names in os.walk(top):
            here = Path(root)
            links = [name for name in folders if (here / name).is_symlink()]
            folders[:] = sorted(name for name in folders if self._may_hold_code(here / name))
            yield from ((here / name).relative_to(top) for name in sorted([*names, *links]))

    def _may_hold_code(self, folder: Path) -> bool:
        if folder.name in _NOT_CODE_OUTSIDE_GIT:
            self._passed[f"{folder.relative_to(self.folder)}/"] = "taken for a product outside a git checkout"
            return False
        if folder.name in _RESULTS:
            self._is_passed_over(folder.relative_to(self.folder) / "*")
        if folder in self.not_code:
            self._is_passed_over(folder.relative_to(self.folder))
            return False
        marked = any((folder / mark).exists() for mark in _VIRTUAL_ENVIRONMENT)
        return folder.name not in _NEVER_CODE and not marked


def _git(folder: Path, *flags: str) -> list[Path] | None:
    argv = git_argv(folder, "ls-files", "-z", "--exclude-standard", *flags)
    try:
        done = subprocess.run(argv, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [Path(os.fsdecode(name)) for name in set(done.stdout.split(b"\0")) if name]


def _git_files(folder: Path) -> list[Path] | None:
    """Return what git knows of below `folder`, None outside a checkout or without git."""
    names = _git(folder, "--cached", "--others")
    return names and sorted(path for name in names for path in _with_inner_checkout(folder, name))


def _ignored_by_git(folder: Path) -> Iterator[str]:
    """Yield files and folders that git ignores, but for caches and environments."""
    for name in _git(folder, "--others", "--ignored", "--directory") or ():
        path = folder / name
        environment = any((path / mark).exists() for mark in _VIRTUAL_ENVIRONMENT)
        if not environment and _NEVER_CODE.isdisjoint(name.parts) and name.suffix != ".pyc":
            yield f"{name}/" if path.is_dir() else str(name)


def _with_inner_checkout(folder: Path, name: Path) -> Iterable[Path]:
    """Git names a checkout inside another, such as a submodule, by its folder."""
    inner = folder / name
    if not inner.is_dir() or inner.is_symlink():
        return [name]
    below: Sequence[Path] | None = _git_files(inner) if (inner / ".git").exists() else None
    if below is None:
        below = list(_not_too_many(inner, _Search(inner, ()).walk(inner)))
    return [name / path for path in below]
