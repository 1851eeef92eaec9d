"""Whose result it is that lies in its place already: nothing is ever written over, and nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from worker_agent.protocol.digests import FileDigest, content_hash, digest_directory


def find_published_attempt(final: Path, outcomes: Mapping[int, Mapping[str, Any]]) -> tuple[int, str] | None:
    """Return attempt and content hash of the outcome whose files, and no others, are at `final`.

    `outcomes` are what agents said at the end of a task's attempts (`Finished`), by attempt; of equal ones
    the latest counts.  Returns None where none is there, or what is there cannot be read.
    """
    if not final.exists():
        return None
    try:
        found = content_hash(digest_directory(final))
    except OSError:
        return None
    for attempt in sorted(outcomes, reverse=True):
        if _announced(outcomes[attempt]) == found:
            return attempt, found
    return None


def _announced(outcome: Mapping[str, Any]) -> str | None:
    with suppress(ValueError, TypeError):  # what an agent says may be anything
        if rows := outcome.get("files"):
            return content_hash([FileDigest.from_row(row) for row in rows])
    return None
