"""What is worth another try when a transfer goes wrong, and after how long: pure decisions."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from master.errors import FULL_DISK, DirectoryGone, DiskFull, IntegrityError, RemoteError

TRIES = 3
"""For bytes that arrive wrong."""
REMOTE_TRIES = 8
"""For what a worker refuses, such as files that are gone there: about three minutes."""
GONE_TRIES = 5
"""For a directory that is gone there, and with it all that it held: a quarter of a minute."""

_NO_TIME_MENDS = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP}
"""What is asked for cannot be in this file system."""


@dataclass(frozen=True)
class Pauses:
    """Seconds between the tries at one transfer."""

    first_s: float = 1.0
    most_s: float = 60.0
    few_s: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """For what is tried only so often, as the worker asks for it again or can do without."""

    def growing_s(self) -> Iterator[float]:
        """Yield pauses without end: each is twice as long as the one before, up to the longest."""
        pause_s = self.first_s
        while True:
            yield pause_s
            pause_s = min(self.most_s, 2 * pause_s)


USUAL = Pauses()


def what_next(error: Exception) -> str:
    """Say what the user can do while a transfer is tried again; empty where there is nothing."""
    is_full = isinstance(error, DiskFull) or getattr(error, "errno", None) in FULL_DISK
    return "; make room on that disk, nothing is lost meanwhile" if is_full else ""


def may_pass(error: Exception, tries: int) -> bool:
    """Tell whether what went wrong `tries` times is worth another try.

    A full disk always is, a path that cannot be there never.
    """
    if isinstance(error, IntegrityError):
        return tries < TRIES
    if isinstance(error, DirectoryGone):
        return tries < GONE_TRIES
    if isinstance(error, RemoteError) and not isinstance(error, DiskFull):
        return tries < REMOTE_TRIES
    return getattr(error, "errno", None) not in _NO_TIME_MENDS
