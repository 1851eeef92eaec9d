"""Times as the files of a run hold them."""

from __future__ import annotations

from datetime import datetime, timezone


def iso(at: float | None) -> str | None:
    """Return a Unix time as ISO 8601 in UTC, e.g. `2025-03-01T10:00:00.250+00:00`; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")
