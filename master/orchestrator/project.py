"""What a job sees in its working directory: the project as it was when the command was given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.code.code_history import CodeStart
from master.code.identity import record_of
from master.code.needed_modules import needed_modules
from master.code.snapshot import take_snapshot
from master.code.sources import Sources, find_project
from master.errors import ConfigError
from master.orchestrator.discovery import RESULTS
from master.orchestrator.jobs import TrainingJob
from master.specs import EMPTY
from worker_agent.protocol.messages import Mount

MOST_LINKS = 200
"""A folder with more files that are no code is shown as it is, code and all."""
_HIDDEN = frozenset({"__pycache__", ".twophase"})


@dataclass(frozen=True)
class Project:
    """The folder that some jobs belong to."""

    root: Path
    scripts: tuple[Path, ...]
    """Relative to `root`."""


@dataclass(frozen=True)
class Shown:
    """What the jobs of a project are shown."""

    root: Path
    content_hash: str | None = None
    """Of the snapshot; None where the project is shown as it is."""
    snapshot: Path | None = None
    beside: tuple[Path, ...] = ()
    """Files and folders, relative to `root`, that the snapshot lacks."""
    digests: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """Of the files of the snapshot, by path."""

    def code_of(self, script: Path) -> CodeStart | None:
        """Return the code that a script of the project is; None where the project is shown as it is."""
        if self.content_hash is None or self.snapshot is None:
            return None
        files = tuple(map(Path, self.digests))
        record = record_of(Sources(self.snapshot, files, (), entry=script), known=self.digests)
        return CodeStart(record, self.content_hash)

    def mounts(self, *, local: bool) -> list[Mount]:
        """Return the mounts for a worker; what is not in the snapshot is there on this machine alone."""
        if self.content_hash is None:
            return [Mount("", path=str(self.root))]
        code = Mount("", artefact=self.content_hash)
        if not local:
            return [code]
        # What has been deleted since would keep the job from starting.
        there = (path for path in self.beside if (self.root / path).exists())
        return [code, *(Mount(path.as_posix(), path=str(self.root / path)) for path in there)]


def projects_of(jobs: Iterable[TrainingJob], here: Path, roots: Sequence[Path]) -> dict[Path, Project]:
    """Return the projects of the jobs, by root.

    A script belongs to the current directory `here` if it lies below it, else to the discovery root above
    it, else to its own folder.
    """
    scripts: dict[Path, list[Path]] = {}
    for job in jobs:
        root = root_of(job.script, here, roots)
        scripts.setdefault(root, []).append(job.script.relative_to(root))
    return {root: Project(root, tuple(dict.fromkeys(found))) for root, found in scripts.items()}


def root_of(script: Path, here: Path, roots: Sequence[Path]) -> Path:
    """Return the root of the project that a script belongs to."""
    above = (root for root in (here, *roots) if script.is_relative_to(root))
    return next(above, script.parent)


def with_place_checked(job: TrainingJob, root: Path) -> TrainingJob:
    """Return the job with the problem that its script lies where jobs see nothing of their project."""
    if job.problem or job.script.relative_to(root).parts[0] != RESULTS:
        return job
    return replace(job, problem=f"lies in {RESULTS}/, where jobs write results; move it elsewhere")


def show(project: Project, snapshots: Path, own_folders: Collection[Path], *, in_place: bool) -> Shown:
    """Take the snapshot of a project.  Raises ConfigError where that cannot be."""
    if in_place:
        return Shown(project.root)
    inside = _inside(project, own_folders)
    try:
        sources = find_project(project.root, project.scripts, inside)
    except ConfigError as error:
        problem = f"{error.problem}; or give --in-place to use the files as they are"
        raise ConfigError(error.source, error.place, problem) from error
    program = take_snapshot(sources, snapshots)
    beside = entries_beside(sources.root, sources.files, inside)
    return Shown(sources.root, program.content_hash, program.directory, tuple(beside), program.digests)


def _inside(project: Project, own_folders: Collection[Path]) -> list[Path]:
    return [path.resolve() for path in own_folders if path.resolve() != project.root.resolve()]


def modules_of(project: Project, own_folders: Collection[Path]) -> dict[Path, frozenset[str]]:
    """Return by script, relative to the root, what it imports in any case and what is not in the project.

    Nothing where the project cannot be read: taking its snapshot will tell.
    """
    with suppress(ConfigError):
        found = find_project(project.root, project.scripts, _inside(project, own_folders))
        names = {path.as_posix() for path in found.files}
        return {script: frozenset(_modules(found.root, script, names)) for script in project.scripts}
    return {}


def _modules(root: Path, script: Path, names: Collection[str]) -> Iterator[str]:
    def read(name: str) -> str:
        return (root / name).read_text(encoding="utf-8")

    near = (root, (root / script).parent)
    for module in needed_modules(script.as_posix(), names, read) if script.suffix == ".py" else ():
        # What git ignores is no code, but jobs on this machine are shown it.
        if not any((folder / name).exists() for folder in near for name in (module, f"{module}.py")):
            yield module


def entries_beside(root: Path, files: Collection[Path], hidden: Collection[Path]) -> list[Path]:
    """Return what below `root` is not in `files`: whole folders where they hold none of them.

    Left out are caches and what is in `hidden` (absolute paths).
    """
    taken = frozenset(files)
    around = frozenset(parent for path in taken for parent in path.parents)
    return _beside(root, Path(), {"files": taken, "around": around, "hidden": frozenset(hidden)})


def _beside(root: Path, folder: Path, known: Mapping[str, frozenset[Path]]) -> list[Path]:
    found: list[Path] = []
    for entry in sorted((root / folder).iterdir()):
        path = folder / entry.name
        if entry.name in _HIDDEN or path in known["files"] or entry in known["hidden"]:
            continue
        found += _beside(root, path, known) if path in known["around"] else [path]
    return [folder] if len(found) > MOST_LINKS and folder != Path() else found
