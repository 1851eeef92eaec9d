"""Whose result it is that lies in its place already: nothing is ever written over, and nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from master.transfers.result_record import without_record
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import Finished


def find_published_attempt(final: Path, outcomes: Mapping[int, Finished]) -> tuple[int, str] | None:
    """Return attempt and content hash of the outcome whose files, and no others, are at `final`.

    `outcomes` are what agents said at the end of a job's attempts (`Finished`), by attempt; of equal ones
    the latest counts.  Returns None where none is there, or what is there cannot be read.
    """
    if not final.exists():
        return None
    try:
        found = digest_directory(final)
    except OSError:
        return None
    for attempt in sorted(outcomes, reverse=True):
        announced = outcomes[attempt].files
        if announced and without_record(found, [file.path for file in announced]) == sorted(announced):
            return attempt, content_hash(announced)
    return None
