"""How a trainer ends: exit code 0, or one line that says what, where and what to do next.

TrainerError     exit code 1
├── FullDiskError  1   a disk, a quota or a limit of file sizes is used up; what was written before stays
└── BadInput     2   what the user gave cannot be used: a flag, a file, a folder, a base model

Each trainer has errors of its own below these.  A malformed flag ends with 2 as well, by `argparse`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TextIO

_OF_A_PATH = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What the system says of a path that cannot be used, and not of a disk or a device that fails."""


class TrainerError(Exception):
    """Base of every error that ends a trainer with a message and no traceback."""

    exit_code = 1


class FullDiskError(TrainerError):
    """There is no room for a file; what was written before it stays."""


class BadInput(TrainerError):
    """What the user gave cannot be used; says what, where and what is allowed."""

    exit_code = 2


def exit_code_of(work: Callable[[], object], name: str, stream: TextIO) -> int:
    """Do the work and return the exit code; what goes wrong is told to `stream` after `name`."""
    try:
        work()
    except TrainerError as error:
        return _told(error, name, stream, error.exit_code)
    except OSError as error:
        code = BadInput.exit_code if isinstance(error, _OF_A_PATH) else TrainerError.exit_code
        return _told(error, name, stream, code)
    return 0


def _told(error: Exception, name: str, stream: TextIO, code: int) -> int:
    with contextlib.suppress(OSError):  # a full disk may hold the log, too; the code is told all the same
        print(f"{name}: {error}", file=stream)
    return code
