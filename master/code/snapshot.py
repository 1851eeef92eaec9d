"""The training code as it was when the run was submitted: copied once, the same for all jobs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from master.code.sources import Sources, unreadable
from master.code.trainer_manifest import MANIFEST, TrainerManifest
from master.errors import FULL_DISK
from worker_agent.protocol.digests import FileDigest, content_hash, digest_directory, publish
from worker_agent.protocol.trainer_start import TRAINER_CODE, start_file, start_text, start_words


@dataclass(frozen=True)
class Program:
    """What a job starts."""

    argv: tuple[str, ...]
    """As in the agent's `Launch`; flags follow."""
    directory: Path
    """The snapshot."""
    content_hash: str
    left_out: tuple[str, ...] = ()
    """What lies beside the script and was not copied, each with the reason."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """The sha256 of every file that was copied, by path."""
    shown_at: str = ""
    """As in `Sources`."""


def trainer_sources(trainer: TrainerManifest) -> Sources:
    """Return a trainer that ships with Twophase, and what it imports of it."""
    parts = ("trainers/__init__.py", "worker_agent/__init__.py", "worker_agent/protocol")
    protocol = [path for part in parts for path in _python_files(trainer.root / part)]
    paths = (*protocol, trainer.folder / MANIFEST, *trainer.modules())
    files = tuple(path.relative_to(trainer.root) for path in paths)
    made = {start_file(trainer.name): start_text(trainer.name)}
    argv = tuple(start_words(trainer.name))
    return Sources(trainer.root, files, argv, made=made, shown_at=TRAINER_CODE)


def take_snapshot(sources: Sources, snapshots: Path) -> Program:
    """Copy the files below `snapshots`, once for the same content.  Raises ConfigError."""
    if sources.root.parent == snapshots:  # of an earlier start: nothing of it changes
        files = digest_directory(sources.root)
        return _program(sources, sources.root, files)
    snapshots.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix="incoming-", dir=snapshots))
    try:
        for name in sources.files:
            _copy(sources.root / name, staged / name)
        for made, text in sources.made.items():
            (staged / made).write_text(text, encoding="utf-8")
        files = digest_directory(staged)
        found = content_hash(files)
        if not (snapshots / found).exists():
            publish(staged, snapshots / found)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return _program(sources, snapshots / found, files)


def _program(sources: Sources, directory: Path, files: Sequence[FileDigest]) -> Program:
    digests = {file.path: file.sha256 for file in files}
    found = content_hash(files)
    return Program(sources.argv, directory, found, sources.left_out, digests, sources.shown_at)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(source, target)
    except OSError as error:
        if error.errno in FULL_DISK or error.filename == str(target):
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise unreadable(source, error) from error


def _python_files(path: Path) -> Iterable[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
