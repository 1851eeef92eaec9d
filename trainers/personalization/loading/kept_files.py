"""What was read of files, kept for later jobs of the same process: siblings read the same people's windows.

A file is known by what the system says of it, not by its path, which differs from job to job.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

MOST_BYTES = 1 << 26
"""Of the files whose content is kept: small next to a process that has torch."""
SETTLED_S = 2.0
"""Age from which on a further change shows in a file's time; clocks of file systems are coarse."""

Content = TypeVar("Content")


class KeptFiles(Generic[Content]):
    """The content of the files that were asked for last; for any number of threads."""

    def __init__(self, most_bytes: int = MOST_BYTES, now: Callable[[], float] = time.time) -> None:
        self._most_bytes, self._now = most_bytes, now
        self._found: OrderedDict[Hashable, tuple[int, Content]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path, how: Hashable, read: Callable[[], Content]) -> Content:
        """Return what `read` makes of a file, read in the same way `how`, or what it made of it before.

        What comes back may be others' as well: it is not to be changed.
        """
        try:
            status = path.stat()
        except OSError:
            return read()  # which says what is wrong
        key = (how, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key][1]
        content = read()
        if self._now() - status.st_mtime >= SETTLED_S:
            self._keep(key, status, content)
        return content

    def _keep(self, key: Hashable, status: os.stat_result, content: Content) -> None:
        with self._lock:
            self._found[key] = status.st_size, content
            while sum(size for size, _ in self._found.values()) > self._most_bytes:
                self._found.popitem(last=False)
