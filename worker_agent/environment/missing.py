"""What jobs need and will not find here: modules of their Python, and directories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Iterator, List, Sequence

from worker_agent.environment.job_base import JobBase
from worker_agent.environment.setup_script import SetupError
from worker_agent.protocol.messages import Settings
from worker_agent.system.this_machine import expand

_LIMIT_S = 60.0
_CURE = (
    "install it there, or name another Python by `python` or `setup` in the cluster config"
    " (--ignore-missing-modules uses the worker all the same)"
)
_CURE_OF_DATA = "put the data there, or have it copied from the head node (`sync` in the cluster config)"
_MARK = "twophase-missing "
_ASK = f"""
import importlib.util, json, sys
def missing(name):
    try:
        return importlib.util.find_spec(name) is None
    except (ImportError, ValueError):
        return True
print('\\n{_MARK}' + json.dumps([name for name in sys.argv[1:] if missing(name)]))
"""


def checked(base: JobBase, settings: Settings) -> JobBase:
    """Return the base if jobs can start from it.  Raises SetupError where they lack modules or data."""
    modules = _missing_modules(base, settings.required_modules)
    problems = [f"{problem}, and the script imports it in any case: {_CURE}" for problem in modules]
    problems += [f"{problem}: {_CURE_OF_DATA}" for problem in _missing_directories(settings.directories)]
    if problems:
        raise SetupError("\n".join(problems))
    return base


def work_dir_problem(folder: Path, reason: str) -> str:
    """Return what to say of a folder for big files that cannot be used."""
    return f"work_dir {folder} cannot be used: {reason}; set `work_dir` to a directory that can be written"


def check_work_dir(settings: Settings) -> None:
    """Raise SetupError where the folder for big files cannot be made or written; changes nothing."""
    if not settings.work_dir:
        return
    folder = expand(settings.work_dir)
    there = next((path for path in (folder, *folder.parents) if os.path.lexists(str(path))), folder)
    if not there.is_dir():
        raise SetupError(work_dir_problem(folder, f"{there} is no directory"))
    if not os.access(str(there), os.W_OK | os.X_OK):
        raise SetupError(work_dir_problem(folder, f"no right to write to {there}"))


def missing_of(base: JobBase, settings: Settings) -> List[str]:
    """Return which modules are missing that jobs may do without, for the user."""
    return list(_missing_modules(base, settings.modules))


def _missing_directories(directories: Sequence[str]) -> Iterator[str]:
    for path in directories:
        if not expand(path).exists():
            yield f"no directory {path}, which `data` names"


def _missing_modules(base: JobBase, modules: Sequence[str]) -> Iterator[str]:
    names = _ask(base, modules) if modules else []
    if names:
        yield f"no module {', '.join(names)} in {base.python}"


def _ask(base: JobBase, modules: Sequence[str]) -> List[str]:
    """Return the modules that are not found; none where the interpreter cannot tell."""
    try:
        # Started where no module can lie beside it.
        done = subprocess.run(
            [base.python, "-c", _ASK, *modules],
            env=dict(base.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            cwd="/",
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith(_MARK):
            found: List[str] = json.loads(line[len(_MARK) :])
            return found
    return []
