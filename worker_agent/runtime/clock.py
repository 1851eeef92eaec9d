"""What time it is."""

from __future__ import annotations

import time


class SteadyClock:
    """Unix time that never goes back, whatever happens to the machine's clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return seconds since 1970."""
        return self._offset + time.monotonic()
