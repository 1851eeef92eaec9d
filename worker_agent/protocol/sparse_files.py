"""Copies files without filling their holes."""

from __future__ import annotations

import os
import shutil


def copy_file(source: str, target: str) -> None:
    """Copy a file with times and permissions; what is a hole there is one here.  Raises OSError."""
    with open(source, "rb") as stream, open(target, "xb") as copy:
        status = os.fstat(stream.fileno())
        if status.st_blocks * 512 < status.st_size:
            _copy_sparse(stream.fileno(), copy.fileno(), status.st_size)
        else:
            shutil.copyfileobj(stream, copy, 1 << 20)
    shutil.copystat(source, target)


def _copy_sparse(source: int, target: int, size: int) -> None:
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError:
            break  # a hole up to the end
        end = os.lseek(source, start, os.SEEK_HOLE)
        _copy_part(source, target, start, end)
    os.ftruncate(target, size)


def _copy_part(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        block = os.pread(source, min(end - start, 1 << 20), start)
        if not block:
            return  # it has become shorter
        os.pwrite(target, block, start)
        start += len(block)
