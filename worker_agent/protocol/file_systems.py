"""Whole file systems."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional


def sync_file_system(directory: Path) -> bool:
    """Make all that was written to the file system of a directory durable; False where that cannot be had.

    The kernel tells of blocks that could not be written since the last time: they raise OSError.
    """
    syncfs = _syncfs()
    if syncfs is None:
        return False
    import ctypes

    descriptor = os.open(str(directory), os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(descriptor)
    return True


@lru_cache(maxsize=1)
def _syncfs() -> Optional[Any]:
    """Return the C library's function; some systems have none, and some Pythons no ctypes."""
    try:
        import ctypes

        return ctypes.CDLL(None, use_errno=True).syncfs
    except (ImportError, OSError, AttributeError):
        return None
