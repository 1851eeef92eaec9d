"""What an attempt leaves: outputs, log, base model."""

from __future__ import annotations

import base64
import errno
import os
import shutil
from pathlib import Path, PurePath, PurePosixPath
from typing import Dict, Iterator, List, Optional, Sequence

from worker_agent.attempts.mounts import EXPERIMENTS
from worker_agent.attempts.private_copy import CACHES, difference, is_as_copied
from worker_agent.attempts.recycled_directories import Made
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.leases import together
from worker_agent.core.commands import Collected
from worker_agent.protocol.digests import MANIFEST, FileDigest, digest_directory, digest_file
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.outcome import BaseModelLeft

INLINE_BYTES = 64 * 1024
QUICK_BYTES = 256 * 1024
"""What is digested without a thread."""
TAIL_BYTES = 4096
FULL_BYTES = 1 << 20
"""A disk with less free than this is called full."""
_BASE_MODELS = "base_models"


class ResultError(Exception):
    """What was left is not what the phase asks for; the text is for the user."""


def is_quick(attempt: AttemptLayout, launch: Launch, made: Optional[Made]) -> bool:
    """Return whether an attempt left so little that it can be digested at once."""
    try:
        return _is_quick(attempt, launch, made)
    except OSError:
        return False  # jobs may do anything to their directories; `collect` says what is wrong


def _is_quick(attempt: AttemptLayout, launch: Launch, made: Optional[Made]) -> bool:
    if launch.phase == 1 or attempt.output.is_symlink() or os.path.lexists(f"{attempt.work}/{EXPERIMENTS}"):
        return False
    if launch.output_from is not None and made and difference(made.copy, attempt.work, made.since_ns):
        return False
    size = _size(attempt.log)
    with os.scandir(str(attempt.output)) as entries:
        for count, entry in enumerate(entries):
            if count >= 16 or not entry.is_file(follow_symlinks=False):
                return False
            size += entry.stat().st_size
    return size <= QUICK_BYTES


def collect(
    attempt: AttemptLayout,
    launch: Launch,
    cache: Cache,
    made: Optional[Made],
    succeeded: bool,
    quick: bool = False,
) -> Collected:
    """Fold, digest and publish what an attempt left.  Never raises: a failure is part of the answer.

    What is known to be `quick` has nothing to fold and no links.
    """
    tail = "" if succeeded else tail_of(attempt.log)
    problem, base_model, files = None, None, []
    try:
        name = None if quick else _fold(attempt, launch, made)
        if launch.phase == 1 and succeeded:
            base_model = _base_model(attempt, name, cache)
        if not succeeded:
            problem = _full_disk(attempt.root)
    except ResultError as error:
        problem = str(error)
    except OSError as error:
        problem = f"cannot collect the results: {error.filename or attempt.root}: {error.strerror}"
    try:
        if not quick:
            materialise_links(attempt.output)
        files = digest_directory(attempt.output)
        log = _log_digest(attempt)
        inline = _inline(attempt, files, log)
    except OSError as error:
        return Collected(problem or f"cannot read the results: {error.filename}: {error.strerror}", tail)
    return Collected(problem, tail or (tail_of(attempt.log) if log else ""), files, log, inline, base_model)


def _size(path: Path) -> int:
    """Return the size of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _full_disk(folder: Path) -> Optional[str]:
    """Return what may be why a job failed, perhaps without a place for its last words."""
    if shutil.disk_usage(str(folder)).free >= FULL_BYTES:
        return None
    return f"no space left on the disk of {folder}"


def tail_of(log: Path) -> str:
    """Return the last 4 KiB of a log, empty where there is none."""
    try:
        if not log.is_file():
            return ""  # opening a pipe would wait for who writes to it
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL_BYTES))
            # Not up to the end: whoever floods the log would keep us reading.
            return stream.read(TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _log_digest(attempt: AttemptLayout) -> Optional[FileDigest]:
    return FileDigest(attempt.log.name, *digest_file(attempt.log)) if _size(attempt.log) else None


def _inline(
    attempt: AttemptLayout, files: Sequence[FileDigest], log: Optional[FileDigest]
) -> Optional[Dict[str, str]]:
    if sum(item.size for item in files) + (log.size if log else 0) > INLINE_BYTES:
        return None
    contents = {item.path: _base64(attempt.output / item.path) for item in files}
    if log:
        contents[""] = _base64(attempt.log)
    return contents


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


# --- what scripts write that do not know the contract


def _fold(attempt: AttemptLayout, launch: Launch, made: Optional[Made]) -> Optional[str]:
    """Move what lies below `experiments/` to where the contract has it; return the base model's name."""
    experiments = attempt.work / EXPERIMENTS
    name = None
    if experiments.is_dir() and not experiments.is_symlink():
        if launch.phase == 1 and not _has_files(attempt.base_model):
            name = _take_base_model(experiments / _BASE_MODELS, attempt.base_model)
        mounted = {attempt.work / mount.at for mount in launch.mounts}
        found = [path for path in _own_files(experiments) if path not in mounted]
        for source, relative in zip(found, _stripped(found, experiments, launch.job_id)):
            _move(source, attempt.output, relative, source.relative_to(attempt.work))
    if launch.output_from is not None and made:
        _take_new_files(attempt, PurePosixPath(launch.output_from), made)
    return name


def _take_new_files(attempt: AttemptLayout, folder: PurePosixPath, made: Made) -> None:
    """Move what the script made or changed below `folder` of its working directory."""
    # Links first: what they point to is still there.
    for source in sorted(_new_files(attempt.work, made), key=lambda path: not path.is_symlink()):
        below = PurePosixPath(source.relative_to(attempt.work).as_posix())
        if folder in (below, *below.parents):
            _move(source, attempt.output, below.relative_to(folder), PurePosixPath("work") / below)


def _new_files(work: Path, made: Made) -> Iterator[Path]:
    """Yield the files, and links to files, that are not as they were when the job began."""
    found = difference(made.copy, work, made.since_ns)
    for name in found.added:
        path = work / name
        if path.is_dir() and not path.is_symlink():
            yield from (item for item in _own_files(path) if not CACHES.intersection(item.parts))
        elif path.is_file():
            yield path
    yield from (work / name for name in found.changed if not is_as_copied(made.copy, work, name))


def _take_base_model(folder: Path, final: Path) -> Optional[str]:
    made = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    made = [path for path in made if not path.is_symlink() and _has_files(path)]
    if len(made) > 1:
        names = ", ".join(path.name for path in made)
        raise ResultError(f"the script left several base models: {names}; a job makes one")
    if not made:
        return None
    if final.is_dir():
        shutil.rmtree(str(final))
    made[0].rename(final)
    return made[0].name


def _own_files(folder: Path) -> Iterator[Path]:
    """Yield the files that the script wrote: links to directories are mounts."""
    for parent, _, names in os.walk(str(folder)):
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path


def _has_files(folder: Path) -> bool:
    return any(True for _ in _own_files(folder))


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


def _move(source: Path, output: Path, relative: PurePosixPath, full: PurePath) -> None:
    """Move a file into the output; where its name is taken, under its full one."""
    final = output / relative
    if final.exists():
        final = output / full
    final.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        shutil.copy2(str(source), str(final))
    else:
        source.rename(final)


# --- the base model of Phase 1


def _base_model(attempt: AttemptLayout, name: Optional[str], cache: Cache) -> BaseModelLeft:
    made = attempt.base_model
    if (made / MANIFEST).exists():
        raise ResultError(f"the base model holds a file {MANIFEST}, a name that is reserved")
    if not _has_files(made):
        raise ResultError(
            "the script succeeded but left no base model: neither in $TWOPHASE_BASE_MODEL_DIR"
            " nor in experiments/base_models/<name>/"
        )
    materialise_links(made)
    with together(cache.layout):  # the link keeps it in the cache until a master has it
        content_hash, files = cache.adopt(made)
        made.symlink_to(cache.path(content_hash))
    return BaseModelLeft(content_hash, files, name)


def materialise_links(folder: Path) -> None:
    """Make files of links to files: what a link points to may not come along.

    Raises OSError for a folder that the job has replaced by a link: what that points to is not its own.
    """
    if folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, "the job has put a link in its place", str(folder))
    for path in _own_files(folder):
        if path.is_symlink():
            _materialise(path)


def _materialise(link: Path) -> None:
    """Put the file in the place of a link to it: the link's target may not come along."""
    copy = link.with_name(f".{link.name}.copy")
    shutil.copy2(str(link), str(copy))
    copy.replace(link)
