"""What an attempt leaves: outputs, log, base model."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import Dict, FrozenSet, List, Optional, Sequence

from worker_agent.attempts.folding import ResultError, fold, has_files, make_whole
from worker_agent.attempts.gathering import Gathering, empty_folders, not_a_link
from worker_agent.attempts.mounts import EXPERIMENTS
from worker_agent.attempts.private_copy import difference
from worker_agent.attempts.recycled_directories import Made
from worker_agent.attempts.stamps import is_as_before
from worker_agent.cache.artefacts import Cache
from worker_agent.cache.leases import together
from worker_agent.core.commands import Collected
from worker_agent.limits.output import room_of
from worker_agent.protocol.digests import MANIFEST, FileDigest, content_hash, digest_directory, digest_file
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.outcome import NO_BASE_MODEL, BaseModelLeft
from worker_agent.protocol.terms import CollectRules
from worker_agent.system.faults import full_disk, is_worker_fault

INLINE_BYTES = 64 * 1024
QUICK_BYTES = 256 * 1024
"""What is digested without a thread."""
TAIL_BYTES = 4096
_OUTPUT = "TWOPHASE_OUTPUT_DIR"
_WORKING_DIRECTORY = "the working directory"


def is_quick(attempt: AttemptLayout, launch: Launch, made: Optional[Made]) -> bool:
    """Return whether an attempt left so little that it can be digested at once."""
    try:
        return _is_quick(attempt, launch, made)
    except OSError:
        return False  # jobs may do anything to their directories; `collect` says what is wrong


def _is_quick(attempt: AttemptLayout, launch: Launch, made: Optional[Made]) -> bool:
    if launch.phase == 1 or launch.collect is not None:
        return False
    if made and made.before and is_as_before(attempt, made.before, made.copy, made.since_ns):
        made.is_untouched = made.has_left_nothing = True
        return True
    if os.path.islink(attempt.output):
        return False
    if os.path.lexists(f"{attempt.work}/{EXPERIMENTS}"):
        return False
    if launch.output_from is not None:
        if made is None:
            return False  # an earlier agent has made it: what is new in it is yet to be found out
        made.is_untouched = not difference(made.copy, attempt.work, made.since_ns)
        if not made.is_untouched:
            return False
    size = _size(attempt.log)
    with os.scandir(attempt.output) as entries:
        for count, entry in enumerate(entries):
            if count >= 16 or not entry.is_file(follow_symlinks=False):
                return False
            status = entry.stat()
            if not status.st_mode & stat.S_IRUSR:
                return False
            size += status.st_size
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
    if quick and succeeded and made and made.has_left_nothing:
        return Collected(inline={})
    left = _collect(attempt, launch, cache, made, succeeded, quick)
    if os.path.isdir(attempt.root):
        return left
    # A job removes what is its own; who removes all of it has cleaned up, and nobody knows what was there.
    return Collected(f"somebody has removed {attempt.root}", left.stderr_tail, worker_fault=True)


def _collect(
    attempt: AttemptLayout, launch: Launch, cache: Cache, made: Optional[Made], succeeded: bool, quick: bool
) -> Collected:
    tail = "" if succeeded else tail_of(attempt.log)
    problem, base_model, fault = None, None, False
    gathering = Gathering(launch.collect or CollectRules(), _data(made))
    try:
        name = None if quick else _gather(attempt, launch, made, gathering)
        if launch.phase == 1 and succeeded:
            base_model = _base_model(attempt, name, cache)
        if not succeeded:
            problem = full_disk(attempt.root)
            fault = problem is not None
    except ResultError as error:
        problem = str(error)
    except OSError as error:
        problem = f"cannot collect the results: {error.filename or attempt.root}: {error.strerror}"
        # What is gone from the cache under a job was damaged, or somebody has cleaned up.
        fault = is_worker_fault(error) or str(error.filename).startswith(f"{cache.path('x').parent}/")
    try:
        not_a_link(attempt.output)
        files = digest_directory(attempt.output)
        log = _log_digest(attempt)
        inline = _inline(attempt, files, log)
        holes = _holes(attempt, launch, files, base_model)
    except OSError as error:
        unread = f"cannot read the results: {error.filename}: {error.strerror}"
        return Collected(problem or unread, tail, worker_fault=fault or is_worker_fault(error))
    return Collected(
        problem,
        tail or (tail_of(attempt.log) if log else ""),
        files,
        empty_folders=[] if quick else sorted(empty_folders(attempt.output)),
        executable=_executable(attempt, files) if inline else [],
        left_out=gathering.left_out(),
        log=log,
        inline=inline,
        base_model=base_model,
        worker_fault=fault,
        hole_bytes=holes,
    )


def _gather(
    attempt: AttemptLayout, launch: Launch, made: Optional[Made], gathering: Gathering
) -> Optional[str]:
    """Bring all that the job left together in the output; return the name of its base model."""
    if not os.path.exists(attempt.output):
        gathering.leave(_OUTPUT, "the job has removed the folder")
    else:
        not_a_link(attempt.output)
        gathering.settle(attempt.output, "")
    if not os.path.exists(attempt.work):
        gathering.leave(_WORKING_DIRECTORY, "the job has removed it, with what it left there")
        return None
    return fold(attempt, launch, made, gathering) if made else None


def _data(made: Optional[Made]) -> FrozenSet[str]:
    """Return the folders outside the working directory that it shows."""
    return frozenset(map(os.path.realpath, made.copy.links.values())) if made else frozenset()


def _holes(
    attempt: AttemptLayout, launch: Launch, files: Sequence[FileDigest], base_model: Optional[BaseModelLeft]
) -> int:
    """Return how much of the sizes of what a job left takes no room; 0 where its output is not limited."""
    if launch.limits is None or launch.limits.output_bytes is None:
        return 0
    paths = [f"{attempt.output}/{item.path}" for item in files]
    paths += [f"{attempt.base_model}/{item.path}" for item in (base_model.files if base_model else ())]
    return sum(status.st_size - room_of(status) for status in map(os.stat, paths))


def _executable(attempt: AttemptLayout, files: Sequence[FileDigest]) -> List[str]:
    return [item.path for item in files if os.access(f"{attempt.output}/{item.path}", os.X_OK)]


def _size(path: str) -> int:
    """Return the size of a file, 0 where there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def tail_of(log: str) -> str:
    """Return the last 4 KiB of a log, empty where there is none."""
    try:
        if not os.path.isfile(log):
            return ""  # opening a pipe would wait for who writes to it
        with open(log, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL_BYTES))
            # Not up to the end: whoever floods the log would keep us reading.
            return stream.read(TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _log_digest(attempt: AttemptLayout) -> Optional[FileDigest]:
    return (
        FileDigest(os.path.basename(attempt.log), *digest_file(attempt.log)) if _size(attempt.log) else None
    )


def _inline(
    attempt: AttemptLayout, files: Sequence[FileDigest], log: Optional[FileDigest]
) -> Optional[Dict[str, str]]:
    if sum(item.size for item in files) + (log.size if log else 0) > INLINE_BYTES:
        return None
    contents = {item.path: _base64(f"{attempt.output}/{item.path}") for item in files}
    if log:
        contents[""] = _base64(attempt.log)
    return contents


def _base64(path: str) -> str:
    with open(path, "rb") as stream:
        return base64.b64encode(stream.read()).decode()


# --- the base model of Phase 1


def _brought_before(made: Path, name: Optional[str]) -> BaseModelLeft:
    """Return the base model that an agent which died over it had taken into the cache already."""
    files = digest_directory(str(made.resolve()))
    return BaseModelLeft(content_hash(files), files, name)


def _base_model(attempt: AttemptLayout, name: Optional[str], cache: Cache) -> BaseModelLeft:
    made = Path(attempt.base_model)
    if made.is_symlink() and made.exists() and made.resolve().parent == cache.path("x").parent.resolve():
        return _brought_before(made, name)
    if (made / MANIFEST).exists():
        raise ResultError(f"the base model holds a file {MANIFEST}, a name that is reserved")
    make_whole(made)
    if not has_files(made):
        raise ResultError(
            f"{NO_BASE_MODEL}: neither in $TWOPHASE_BASE_MODEL_DIR nor in experiments/base_models/<name>/"
        )
    with together(cache.layout):  # the link keeps it in the cache until a master has it
        adopted, files = cache.adopt(made)
        made.symlink_to(cache.path(adopted))
    return BaseModelLeft(adopted, files, name)
