"""What time it is in a run.  Who sets the machine's clock ends nothing that is waited for.

Every time in a journal is by the clock of the master that wrote it.  Who reads it, and wants to know how long
ago that was, goes by the same clock: it counts on while the machine is up, whatever is set.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OFFSET_S = time.time() - time.monotonic()
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now() -> float:
    """Return seconds since 1970, as this program's start would count them: they never go back, nor jump."""
    return _OFFSET_S + time.monotonic()


def told() -> dict[str, Any]:
    """Return what others need to know what time it is by this program's clock, ready for JSON."""
    return {"boot": _boot_id(), "offset_s": _OFFSET_S}


def now_by(clock: Mapping[str, Any] | None) -> float:
    """Return what time it is by the clock of another program, as it has `told`.

    Without one, or on another machine or after a restart of that one, it is the time of day.
    """
    boot, offset_s = (clock or {}).get("boot"), (clock or {}).get("offset_s")
    if not boot or boot != _boot_id() or not isinstance(offset_s, float):
        return time.time()
    return offset_s + time.monotonic()


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
