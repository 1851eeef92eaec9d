"""`POST /api/jobs` on the page: jobs of trainers, and of scripts below folders that were named in a shell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from master.code.project_root import file_of_module, given_root
from master.core.nearest import hint, shown
from master.errors import UsageError
from master.runs.control.client import add_jobs
from master.storage.run_layout import RunLayout

Answer = dict[str, Any]
_WORDS = ("script", "module", "trainer", "project_root", "flag_style", "name", "why")
_KEYS = ("jobs", "dry_run", *_WORDS)
_LONGEST = 4096
"""Of a word: to follow the links of a longer path takes minutes."""
_ADVICE = "scripts are taken from below the folders that `twophase web --scripts DIR` names alone"


class Adding:
    """Adds jobs to the running master."""

    def __init__(self, layout: RunLayout, scripts: Sequence[Path] = ()) -> None:
        """Visitors may have `scripts` below these folders run.  Raises UsageError for one that is none."""
        self._layout, self._folders = layout, tuple(map(_named, scripts))

    async def add(self, asked: object) -> Answer:
        """Have jobs added.  Raises UsageError for what is wrong, with nothing added, NoMaster without one."""
        return await asyncio.to_thread(self._add, asked)

    def _add(self, asked: object) -> Answer:
        return add_jobs(self._layout, checked(asked, self._folders))


def _named(folder: Path) -> Path:
    try:
        return given_root(folder.expanduser()).path
    except UsageError as error:
        raise UsageError(f"--scripts {folder}: is no folder") from error


def checked(asked: object, folders: Sequence[Path]) -> Mapping[str, Any]:
    """Return a request in which nothing lies outside these folders.  Raises UsageError."""
    if not isinstance(asked, dict):
        raise UsageError("give an object with `jobs` and what runs them")
    for name in asked:
        if name not in _KEYS:
            raise UsageError(f"no field {shown(name)}: {hint(name, _KEYS)}")
    words = {name: asked[name] for name in _WORDS if name in asked}
    if not all(isinstance(word, str) for word in words.values()):
        raise UsageError(f"{', '.join(_WORDS)} are text")
    if long := [name for name, word in words.items() if len(word) > _LONGEST]:
        raise UsageError(f"{', '.join(long)}: more than {_LONGEST} characters")
    script, root = (words.get(name, "") for name in ("script", "project_root"))
    if script or root or words.get("module"):
        inside = _folder_of(script or root, folders)
        # What lies beside a script travels with it: no repository around the folder does.
        words["project_root"] = str(_inside(root, folders) if root else inside)
    if words.get("module") and (file := file_of_module(words["module"], Path(words["project_root"]))):
        _inside(str(Path(words["project_root"], file)), folders)
    if script:
        words["script"] = str(_inside(script, folders))
    return {**asked, **words}


def _inside(path: str, folders: Sequence[Path]) -> Path:
    _folder_of(path, folders)
    return _resolved(path)


def _folder_of(path: str, folders: Sequence[Path]) -> Path:
    """Return the folder that holds a path, through links too."""
    if path and not Path(path).is_absolute():
        raise UsageError(f"{shown(path)}: give its whole path, from /")
    place = _resolved(path)
    for folder in folders if path else ():
        if folder in (place, *place.parents):
            return folder
    raise UsageError(f"{shown(path or 'a module without project_root')}: {_ADVICE}")


def _resolved(path: str) -> Path:
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or a character of no path
        raise UsageError(f"{shown(path)}: is no path of this machine ({error})") from error
