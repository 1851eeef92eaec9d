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
"""A disk with less free than this is called full."""


def is_worker_fault(error: Exception) -> bool:
    """Return whether an error tells of a disk that is full or broken, or of a machine without resources."""
    return isinstance(error, OSError) and error.errno in _NUMBERS


def full_disk(folder: str) -> Optional[str]:
    """Return what may be why a job failed, perhaps without a place for its last words; None for nothing."""
    places = ((folder, "make room there, or set `work_dir`"), (tempfile.gettempdir(), "make room there"))
    for place, advice in places:
        with contextlib.suppress(FileNotFoundError):
            if shutil.disk_usage(place).free < FULL_BYTES:
                return f"no space left on the disk of {place}: {advice}"
    return None
