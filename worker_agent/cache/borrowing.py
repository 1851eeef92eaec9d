"""Takes artefacts from the caches of other machines whose directories lie on the same disk."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Iterator, Optional, Tuple

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.disk import beside
from worker_agent.cache.leases import together
from worker_agent.cache.sidecars import PYCACHE
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.protocol.layout import WorkLayout
from worker_agent.system.remove_tree import remove_tree

_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
NOWHERE = "no other cache on its disk has it"


def borrow(cache: Cache, base: Path, content_hash: str) -> Tuple[Source, Optional[str]]:
    """Have an artefact that is here, or in a cache beside this one; return from where, and what is wrong.

    It is checked as what is delivered is.  Raises OSError where that cannot be told.
    """
    status = cache.status(content_hash)
    if status == "present" or (status == "unsure" and cache.verify_cached(content_hash) is None):
        return Source.HERE, None
    problem: Optional[str] = NOWHERE
    for layout in beside(base, cache.layout, content_hash):
        problem = _take_from(layout, cache, content_hash)
        if problem is None:
            break
    return Source.DISK, problem


def _take_from(layout: WorkLayout, cache: Cache, content_hash: str) -> Optional[str]:
    """Take an artefact from a cache; return what is wrong with it there, None where nothing is."""
    staged = cache.layout.incoming(cache.run_id, content_hash)
    remove_tree(staged)
    source = layout.cached(content_hash)
    try:
        with _undisturbed(layout) as is_kept:
            if not is_kept:
                return f"something is being removed from {layout.cache}"
            # Whose jobs have written to it is seen once each has bytes of its own.
            _copy(source, staged, source, may_link=not cache.inspections.has_rotted(content_hash))
    except OSError as error:
        remove_tree(staged)
        return f"{source} cannot be taken: {error.strerror or error}"
    return cache.verify_delivered(content_hash)


@contextlib.contextmanager
def _undisturbed(layout: WorkLayout) -> Iterator[bool]:
    """Keep its owner from removing what is in a cache, who removes nothing where nothing can be locked.

    Yields False where it is being done.  Raises OSError.
    """
    with contextlib.ExitStack() as stack:
        try:
            is_kept = stack.enter_context(together(layout))
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            is_kept = True
        yield is_kept


def _copy(source: Path, target: Path, top: Path, *, may_link: bool) -> None:
    """Make a directory with what another holds, files as further names of the same ones where that may be.

    Raises OSError, also for what is neither a file nor a folder nor a symbolic link to what is below `top`.
    """
    target.mkdir(mode=0o700, parents=True)
    for entry in list(os.scandir(str(source))):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != PYCACHE:
                _copy(Path(entry.path), target / entry.name, top, may_link=may_link)
        elif entry.is_file(follow_symlinks=False):
            if not (may_link and _link(entry.path, target / entry.name)):
                _copy_file(entry.path, target / entry.name)
        elif entry.is_symlink() and _leads_below(entry.path, top):
            (target / entry.name).symlink_to(os.readlink(entry.path))  # noqa: PTH115
        else:
            raise OSError(f"{entry.path} is no file")


def _leads_below(link: str, top: Path) -> bool:
    """Return whether a symbolic link leads to the same place where a copy of a directory is, too."""
    told = os.readlink(link)  # noqa: PTH115
    leads_to = os.path.normpath(os.path.join(os.path.dirname(link), told))  # noqa: PTH118, PTH120
    return not os.path.isabs(told) and leads_to.startswith(f"{top}/")  # noqa: PTH117


def _link(source: str, target: Path) -> bool:
    """Give a file a further name; False where the disk is not one or has no such thing, or it is not ours."""
    with contextlib.suppress(OSError):
        os.link(source, str(target), follow_symlinks=False)
        if target.lstat().st_uid == os.getuid():
            return True
        target.unlink()  # somebody has put a link of his in the way
    return False


def _copy_file(source: str, target: Path) -> None:
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as stream:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"{source} is no file")
        with target.open("xb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
            os.fchmod(copy.fileno(), mode & 0o700)
