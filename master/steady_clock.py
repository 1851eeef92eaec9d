"""What time it is in a run.  Who sets the machine's clock ends nothing that is waited for."""

from __future__ import annotations

import time

_OFFSET_S = time.time() - time.monotonic()


def now() -> float:
    """Return seconds since 1970, as this program's start would count them: they never go back, nor jump."""
    return _OFFSET_S + time.monotonic()
