"""Memory: how much of it is free, and how its end is told from other errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from trainers.common.errors import TrainerError

MEMINFO = Path("/proc/meminfo")


class OutOfMemoryError(TrainerError):
    """Host or device memory ran out."""

    exit_code = 3


def available_bytes() -> int:
    """Return the memory that new data may take: free memory of the machine, less if a cgroup allows less."""
    if not MEMINFO.exists():  # macOS, which tells what there is and not what is free
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    meminfo = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
    free = int(meminfo["MemAvailable"].split()[0]) << 10
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if limit.is_file() and used.is_file() and limit.read_text().strip() != "max":
        free = min(free, max(0, int(limit.read_text()) - int(used.read_text())))
    return free


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
