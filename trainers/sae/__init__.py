"""Sparse autoencoders on stored activations: own loop, sparse gradients, resumable to the bit."""

import ctypes
import os
from pathlib import Path

from trainers.common.versions import version_in

CODE_VERSION = version_in(Path(__file__).parent)

# GNU OpenMP's threads spin for their next piece of work; on a shared machine they then wait for each other.
os.environ.setdefault("GOMP_SPINCOUNT", "4000")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_pages() -> bool:
    """Let the allocator keep large blocks instead of returning them: fresh pages cost more than the work.

    Return whether the C library has this setting.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library than GNU's
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 1 << 30) and mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1))
