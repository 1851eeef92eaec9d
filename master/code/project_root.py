"""Where the user's project begins: its files travel, and jobs start there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from master.errors import ConfigError, UsageError

_PROJECT_MARKS = {".git": "the git repository", "pyproject.toml": "the folder with pyproject.toml"}
FLAG = "--project-root"


@dataclass(frozen=True)
class ProjectRoot:
    """The folder that jobs start in."""

    path: Path
    why: str
    """Why it is this one, for the user."""


def given_root(root: Path) -> ProjectRoot:
    """Return the root that the user names.  Raises UsageError where it is no folder."""
    try:
        path = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "a loop of links"
        raise UsageError(f"{FLAG} {root}: {reason}") from error
    if not path.is_dir():
        raise UsageError(f"{FLAG} {root}: is no folder")
    return ProjectRoot(path, FLAG)


def root_of_script(script: Path, given: Path | None, here: Path) -> ProjectRoot:
    """Return the root of the project of a script (resolved), for a command given in the folder `here`.

    That is what the user names; else where he stands, if that is a part of the script's project that holds
    the script; else the project: the nearest folder above with `.git` or `pyproject.toml`; else the script's
    folder.  Raises UsageError for a folder that does not hold the script.
    """
    if given is not None:
        root = given_root(given)
        if root.path not in script.parents:
            raise UsageError(f"{FLAG} {given}: {script} does not lie in it")
        return root
    project = _project_around(script)
    if project is None:
        return ProjectRoot(script.parent, "the script's folder")
    if here in script.parents and project.path in here.parents:
        return ProjectRoot(here, "where the command was given")
    return project


def _project_around(script: Path) -> ProjectRoot | None:
    """Return the nearest project above a script.  A home directory is none, whatever lies in it."""
    home = _home()
    for folder in script.parents:
        if folder in home.parents or folder == home:
            return None
        for mark, name in _PROJECT_MARKS.items():
            if (folder / mark).exists():
                return ProjectRoot(folder, name)
    return None


def _home() -> Path:
    try:
        return Path.home().resolve()
    except RuntimeError:
        return Path("/")


def root_of_module(given: Path | None, here: Path) -> ProjectRoot:
    """Return where `python -m` looks for a module: what the user names, else where he stands."""
    return given_root(given) if given is not None else ProjectRoot(here, "where the command was given")


def find_module(module: str, root: ProjectRoot) -> Path:
    """Return the file that `python -m module` runs in a folder, relative to it.

    Raises UsageError for what is no module's name, ConfigError where there is no such file.
    """
    if not is_module_name(module):
        raise UsageError(f"-m {module}: give a module's name, such as package.train")
    if found := file_of_module(module, root.path):
        return found
    looked = f"there is neither {' nor '.join(map(str, _files_of(module)))} in {root.path} ({root.why})"
    raise ConfigError(f"-m {module}", "", f"{looked}; give the folder that holds the package by {FLAG}")


def is_module_name(text: str) -> bool:
    """Tell whether text can be the name of a module."""
    return all(part.isidentifier() for part in text.split("."))


def file_of_module(module: str, folder: Path) -> Path | None:
    """Return the file that `python -m module` runs in a folder, relative to it; None where there is none."""
    return next((path for path in _files_of(module) if (folder / path).is_file()), None)


def _files_of(module: str) -> tuple[Path, Path]:
    stem = Path(*module.split("."))
    return stem / "__main__.py", stem.with_name(f"{stem.name}.py")
