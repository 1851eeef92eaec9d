"""An order on many jobs in parts: the dispatcher takes up one at a time, and a request is bounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_NAMES, MOST_CHARACTERS = 1000, 200_000
"""Of the jobs of a part."""


def in_parts(fields: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield an order in as many parts as its jobs need; one that names none, or no list, is one part."""
    jobs = fields.get("jobs")
    if not isinstance(jobs, list) or not jobs:
        yield fields
        return
    part, size = list[Any](), 0
    for job_id in jobs:
        # What is no text is refused by the master.
        length = len(str(job_id))
        if part and (len(part) == MOST_NAMES or size + length > MOST_CHARACTERS):
            yield {**fields, "jobs": part}
            part, size = [], 0
        part.append(job_id)
        size += length
    yield {**fields, "jobs": part}
