"""Deletes what jobs have made."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path


def remove_tree(tree: Path) -> None:
    """Delete a directory as far as that can be done, also where a job has taken permissions away."""
    shutil.rmtree(str(tree), ignore_errors=True)
    if tree.is_symlink() or not os.path.lexists(str(tree)):
        return
    _open(tree)
    for parent, folders, _ in os.walk(str(tree)):
        for name in folders:
            _open(Path(parent, name))
    shutil.rmtree(str(tree), ignore_errors=True)


def _open(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if not folder.is_symlink():
            folder.chmod(0o700)
