"""What a command on a worker says on standard error: logged, and its end kept for the user."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable

LAST_LINES = 5
_LONGEST = 2000
"""Characters of a line that are kept."""
_PATIENCE_S = 2.0

_log = logging.getLogger(__name__)


class ErrorLog:
    """Reads in a thread of its own until the stream ends: children may hold it open for ever."""

    def __init__(self, host: str, pieces: Callable[[], Iterable[bytes]]) -> None:
        """`pieces` opens the stream."""
        self._host, self._pieces = host, pieces
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._thread = threading.Thread(target=self._read, name=f"stderr of {host}", daemon=True)
        self._thread.start()

    def last_words(self) -> str:
        """Return the last lines; waits a moment for them, as the command has ended only just now."""
        self.wait(_PATIENCE_S)
        return "\n".join(self._last)

    def wait(self, timeout_s: float) -> None:
        """Wait for the end of the stream."""
        self._thread.join(timeout_s)

    def _read(self) -> None:
        left = b""
        for piece in self._pieces():
            *lines, left = (left + piece).split(b"\n")
            for line in lines:
                self._take(line)
            left = left[-_LONGEST:]
        self._take(left)

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            _log.info("%s: %s", self._host, text)
            self._last.append(text[:_LONGEST])
