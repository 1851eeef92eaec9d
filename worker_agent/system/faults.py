"""What the operating system says where a machine is to blame, and no job."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from typing import Optional

_NUMBERS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOTCONN),
        *(errno.ENFILE, errno.EMFILE, errno.ENOMEM, errno.EAGAIN, errno.ENODEV, errno.ENXIO),
    }
)
FULL_BYTES = 16 << 20
"""A disk with less free than this is called full …"""
_SHARE = 50
"""… or than this part of it, if that is less.  Some file systems say that they have no bytes at all."""
_NOT_LET = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM})


def is_worker_fault(error: Exception) -> bool:
    """Return whether an error tells of a disk that is full or broken, or of a machine without resources."""
    return isinstance(error, OSError) and error.errno in _NUMBERS


def is_bad_place(error: OSError) -> bool:
    """Return whether a place is to blame in which an attempt cannot be prepared, and no name of the job."""
    return is_worker_fault(error) or error.errno in _NOT_LET


def full_disk(folder: str) -> Optional[str]:
    """Return what may be why a job failed, perhaps without a place for its last words; None for nothing."""
    places = ((folder, "make room there, or set `work_dir`"), (tempfile.gettempdir(), "make room there"))
    for place, advice in places:
        with contextlib.suppress(FileNotFoundError):
            usage = shutil.disk_usage(place)
            if usage.free < min(FULL_BYTES, usage.total // _SHARE):
                return f"no space left on the disk of {place}: {advice}"
    return None
