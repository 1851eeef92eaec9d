"""Moves what a job wrote anywhere in its working directory to where the contract has it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path, PurePath, PurePosixPath
from typing import Iterator, List, Optional, Sequence

from worker_agent.attempts.gathering import Gathering, follow_links
from worker_agent.attempts.mounts import EXPERIMENTS
from worker_agent.attempts.private_copy import difference, is_as_copied
from worker_agent.attempts.recycled_directories import Made
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch

_BASE_MODELS = "base_models"


class ResultError(Exception):
    """What was left is not what the phase asks for; the text is for the user."""


def fold(attempt: AttemptLayout, launch: Launch, made: Made, gathering: Gathering) -> Optional[str]:
    """Move what is new or changed in the working directory to the output; return the base model's name.

    What lies below `experiments/` is always taken, all else if the launch asks for it.  Raises OSError, and
    ResultError for a base model that is not whole.
    """
    name = None
    work, output, base_model = Path(attempt.work), Path(attempt.output), Path(attempt.base_model)
    if launch.phase == 1 and not has_files(base_model):
        name = _take_base_model(work / EXPERIMENTS / _BASE_MODELS, base_model)
        made_in = _makes_in(launch)
        if name is None and made_in and has_files(work / made_in):
            _take(work / made_in, base_model)
            name = PurePosixPath(made_in).name
    found = [below for below in _new(attempt.work, made) if _is_result(below, launch)]
    # Links first, wherever they are: what they point to is still there.
    fit = [below for below in found if gathering.settle(f"{work}/{below}", below)]
    leaves = [leaf for below in fit for leaf in _leaves(work / below)]
    experiments = work / EXPERIMENTS
    ours = [leaf for leaf in leaves if experiments in leaf.parents]
    for leaf, relative in zip(ours, _stripped(ours, experiments, launch.job_id)):
        _move(leaf, output, relative, leaf.relative_to(work))
    top = work / (_rest_from(launch) or ".")
    for leaf in leaves:
        if experiments not in leaf.parents:
            relative = PurePosixPath(leaf.relative_to(top).as_posix())
            _move(leaf, output, relative, PurePosixPath("work") / relative)
    return name


def make_whole(base_model: Path) -> None:
    """Make files and folders of the links in a base model.  Raises ResultError where it lacks a part."""
    for item in follow_links(str(base_model)):
        raise ResultError(f"the base model is not whole: {item.path}: {item.reason}")


def has_files(folder: Path) -> bool:
    """Return whether there is any file, or link to one, below a folder."""
    return any(Path(parent, name).is_file() for parent, _, names in os.walk(str(folder)) for name in names)


def _new(work: str, made: Made) -> Iterator[str]:
    """Yield what is not as it was when the job began, by its path below the working directory."""
    found = difference(made.copy, work, made.since_ns)
    yield from found.added
    yield from (name for name in found.changed if not is_as_copied(made.copy, work, name))


def _is_result(below: str, launch: Launch) -> bool:
    path = PurePosixPath(below)
    if path.parts[0] == EXPERIMENTS:
        return True
    rest = _rest_from(launch)
    return rest is not None and PurePosixPath(rest) in (path, *path.parents)


def _makes_in(launch: Launch) -> Optional[str]:
    """Return the folder that is the base model of a Phase 1 job, where the launch names one."""
    named = launch.phase == 1 and (launch.output_from or "").startswith(f"{EXPERIMENTS}/")
    return launch.output_from if named else None


def _rest_from(launch: Launch) -> Optional[str]:
    """Return the folder whose new files are results."""
    return "." if _makes_in(launch) else launch.output_from


def _leaves(path: Path) -> Iterator[Path]:
    """Yield the files and the empty folders that are or lie below a path."""
    if not path.is_dir():
        yield path
        return
    for parent, folders, names in os.walk(str(path)):
        yield from (Path(parent, name) for name in sorted(names))
        if not folders and not names:
            yield Path(parent)


def _take_base_model(folder: Path, final: Path) -> Optional[str]:
    made = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    made = [path for path in made if not path.is_symlink() and has_files(path)]
    if len(made) > 1:
        names = ", ".join(path.name for path in made)
        raise ResultError(f"the script left several base models: {names}; a job makes one")
    if not made:
        return None
    _take(made[0], final)
    return made[0].name


def _take(made: Path, final: Path) -> None:
    make_whole(made)
    if final.is_dir():
        shutil.rmtree(str(final))
    made.rename(final)


def _stripped(files: Sequence[Path], experiments: Path, job_id: str) -> List[PurePosixPath]:
    """Return the files' names as output: without `<prefix>/<directory>/` where all lie in one."""
    names = [PurePosixPath(path.relative_to(experiments).as_posix()) for path in files]
    for depth in (len(job_id.split("/")), 2):
        if depth >= 2 and _common(names, depth) and (depth == 2 or _in_prefix(names[0], job_id)):
            return [PurePosixPath(*name.parts[depth:]) for name in names]
    return names


def _common(names: Sequence[PurePosixPath], depth: int) -> bool:
    return len({name.parts[:depth] for name in names}) == 1 and all(len(n.parts) > depth for n in names)


def _in_prefix(name: PurePosixPath, job_id: str) -> bool:
    prefix = tuple(job_id.split("/")[:-1])
    return name.parts[: len(prefix)] == prefix


def _move(source: Path, output: Path, relative: PurePath, full: PurePath) -> None:
    """Move a file or an empty folder into the output; where its name is taken, under its full one."""
    final = output / relative
    if source.is_dir():
        final.mkdir(parents=True, exist_ok=True)
        return
    if os.path.lexists(str(final)):
        final = output / full
    final.parent.mkdir(parents=True, exist_ok=True)
    source.rename(final)
