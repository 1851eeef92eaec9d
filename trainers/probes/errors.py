"""What can go wrong, as the user sees it.

TrainerError                 exit code 1
├── BadInput                 2   a flag, a file or a label is not as it must be
│   └── OutputConflictError  2   the output directory holds results of other settings
└── OutOfMemoryError         3   the message names the flags that help
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainers.common.errors import BadInput, TrainerError


class OutputConflictError(BadInput):
    """Going on would overwrite or mix results of other settings."""


class OutOfMemoryError(TrainerError):
    """Host or device memory ran out."""

    exit_code = 3


def is_out_of_memory(error: BaseException) -> bool:
    """Tell an allocation failure of numpy, torch or CUDA from any other error."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error)
    return isinstance(error, RuntimeError) and ("allocate memory" in text or "start new thread" in text)


@contextmanager
def memory_advice(during: str, advice: str) -> Iterator[None]:
    """Turn an allocation failure inside the block into OutOfMemoryError with `advice`."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else "no detail"
        raise OutOfMemoryError(f"out of memory while {during} ({first_line}): {advice}") from error
