"""What is being done now, so that nothing is done twice at a time."""

from __future__ import annotations

import threading
from collections.abc import Hashable


class SingleFlight:
    """What is being done now, so that nothing is done twice at a time and no request is lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._again: dict[Hashable, bool] = {}

    def begin(self, key: Hashable) -> bool:
        """Return True if `key` may begin; else remember that it was asked for once more."""
        with self._lock:
            self._again[key] = key in self._again
            return not self._again[key]

    def end(self, key: Hashable, *, answered: bool) -> bool:
        """Return True if `key` is done with; False to do it again, as it was asked for and not answered."""
        with self._lock:
            if self._again.pop(key) and not answered:
                self._again[key] = False
                return False
            return True
