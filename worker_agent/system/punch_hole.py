"""Gives blocks in the middle of a file back to the disk."""

from __future__ import annotations

import functools
from typing import Any, Optional

_KEEP_SIZE, _PUNCH_HOLE = 1, 2


def punch_hole(descriptor: int, start: int, end: int) -> bool:
    """Free the bytes of a file from `start` to `end`; they read as zeros from now on.

    Return False where the C library, the file system or this Python cannot do that.
    """
    fallocate = _fallocate()
    if fallocate is None:
        return False
    return bool(fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, start, end - start) == 0)


@functools.lru_cache(maxsize=None)
def _fallocate() -> Optional[Any]:
    # Some Pythons are built without ctypes.
    try:
        import ctypes

        function = ctypes.CDLL(None).fallocate64
    except (ImportError, OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    function.restype = ctypes.c_int
    return function
