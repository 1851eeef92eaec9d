"""Times as the files of a run hold them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple


class Span(NamedTuple):
    """From when to when something went, in Unix times."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took; nothing where the clock was put back meanwhile."""
        return max(0.0, self.end - self.begin)


def iso(at: float | None) -> str | None:
    """Return a Unix time as ISO 8601 in UTC, e.g. `2025-03-01T10:00:00.250+00:00`; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")
