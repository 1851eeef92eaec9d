"""Gives files and directories their final names, on whatever file system those are."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from worker_agent.protocol.sparse_files import copy_file


def rename(staged: Path, final: Path) -> None:
    """Rename a file or a directory; from another file system by way of a copy beside the final name.

    A file takes the place of one that is there.  Raises OSError, for a directory where the name is taken too.
    """
    try:
        staged.replace(final)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = final.with_name(f".{final.name}.incoming")
        _remove(beside)
        try:
            _copy(staged, beside)
            beside.replace(final)
        except OSError:
            _remove(beside)
            raise
        _remove(staged)


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a directory, and make it durable."""
    if not source.is_dir():
        _copy_file(str(source), str(target))
        return
    shutil.copytree(str(source), str(target), symlinks=True, copy_function=_copy_file)
    for folder, _, _ in os.walk(str(target)):
        _fsync(folder)


def _copy_file(source: str, target: str) -> None:
    copy_file(source, target)
    _fsync(target)


def _fsync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    shutil.rmtree(str(path), ignore_errors=True)
    with contextlib.suppress(OSError):
        path.unlink()
