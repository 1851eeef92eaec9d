"""How much an attempt has written: its log, and what it leaves as results."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Iterator

from worker_agent.protocol.layout import AttemptLayout

_BLOCK = 512


class OutputMeter:
    """Adds up what is on the disk; what was there before the attempt began does not count."""

    def __init__(self, attempt: AttemptLayout, since_ns: int) -> None:
        self._attempt, self._since_ns = attempt, since_ns
        self._log, self._cut = 0, 0

    def written(self, enough: int) -> int:
        """Return how many bytes were written; beyond `enough` it is not counted on."""
        total = self._logged()
        for size in self._sizes():
            total += size
            if total > enough:
                break
        return total

    def _logged(self) -> int:
        """Return the length of the log, with what was cut from it where it had to be emptied."""
        before, self._log = self._log, _length(self._attempt.log)
        if self._log < before:
            self._cut += before
        return self._cut + self._log

    def _sizes(self) -> Iterator[int]:
        """Yield the sizes of files: of copies of the code, only those that have changed since."""
        yield from _sizes(self._attempt.output, 0)
        yield from _sizes(self._attempt.base_model, 0)
        yield from _sizes(self._attempt.work, self._since_ns)


def room_of(status: os.stat_result) -> int:
    """Return how many bytes of a file's size are there: a hole in it takes no room."""
    return min(status.st_size, status.st_blocks * _BLOCK)


def _length(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _sizes(folder: str, since_ns: int) -> Iterator[int]:
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(entry.path)
                    elif stat.S_ISREG(status.st_mode) and status.st_ctime_ns >= since_ns:
                        yield room_of(status)
        except OSError:
            continue  # a job deletes what it likes
