"""The end of a job's log for the page: live from its worker, else what came home; as harmless lines."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from master.core.explaining.standing import Standing
from master.errors import TwophaseError
from master.runs.control.log_client import followed
from master.storage.run_layout import RunLayout
from master.view.answers.log_text import harmless_lines, tail

MOST_LINES = 1000
_MOST_BYTES = 1 << 20
_MOST_SILENT = 4
"""Quarters of a second until a worker has begun to tell."""
_LIVE = ("running", "collecting")


def log_json(layout: RunLayout, job_id: str, standing: Standing, attempt: int | None) -> dict[str, Any]:
    """Return the last lines of an attempt's log, by default of the last one that has any."""
    if attempt in (None, standing.attempt) and standing.state in _LIVE:
        lines = _live(layout, job_id)
        if lines is not None:
            return {"attempt": standing.attempt, "live": True, "cut": False, "lines": lines, "says": ""}
    for number in range(standing.attempts, 0, -1) if attempt is None else (attempt,):
        try:
            data, is_cut = tail(layout.log(job_id, number), MOST_LINES, _MOST_BYTES)
        except OSError:
            continue
        lines = harmless_lines(data)
        return {"attempt": number, "live": False, "cut": is_cut, "lines": lines, "says": ""}
    says = "its log comes home when the try ends" if standing.state in _LIVE else "there is no log of it here"
    return {"attempt": attempt, "live": False, "cut": False, "lines": [], "says": says}


def _live(layout: RunLayout, job_id: str) -> list[str] | None:
    """Return what a job has written so far, as its worker tells it now; None where none does."""
    try:
        frames = followed(layout, job_id, MOST_LINES, beats=True)
    except TwophaseError:
        return None
    if frames is None:
        return None
    with closing(frames):  # type: ignore[type-var]
        data = b"".join(_until_it_waits(frames))
    return harmless_lines(data)[-MOST_LINES:] if data else None


def _until_it_waits(frames: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield what is there already: a frame without data says that there is no more for now."""
    size, silent = 0, 0
    for frame in frames:
        if "data" in frame:
            piece = base64.b64decode(frame["data"])
            yield piece
            size += len(piece)
        elif not frame:
            silent += 1
            if size or silent > _MOST_SILENT:
                return
        if "end" in frame or size > _MOST_BYTES:
            return
