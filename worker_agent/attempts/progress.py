"""What running attempts say of themselves, read from the ends of their files."""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, Dict, Iterable, Optional, Tuple

from worker_agent.attempts.results import tail_of
from worker_agent.core.state import Sign
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.reports import Said

_LINE_CHARACTERS = 200
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_WHOLE_CHARACTERS = 18
"""A longer whole number may not fit into 64 bits."""

Seen = Tuple[int, int]


class ProgressReader:
    """Reports each attempt only when its log or its progress file has changed."""

    def __init__(self) -> None:
        self._seen: Dict[str, Seen] = {}

    def read(self, attempt: AttemptLayout) -> Optional[Said]:
        """Return the last progress line and the last line of the log; None if nothing is new."""
        seen = (_size(attempt.log), _size(attempt.progress))
        if seen == self._seen.get(attempt.root, (0, 0)):
            return None
        self._seen[attempt.root] = seen
        return Said.from_object(
            {**last_json(tail_of(attempt.progress)), "line": last_line(tail_of(attempt.log))}
        )

    @staticmethod
    def written_at(attempt: AttemptLayout) -> float:
        """Return when an attempt wrote its last progress, in seconds since 1970."""
        return _look(attempt.progress)[1] / 1e9

    def keep_only(self, attempts: Iterable[AttemptLayout]) -> None:
        """Forget all attempts but these."""
        roots = {attempt.root for attempt in attempts}
        self._seen = {root: seen for root, seen in self._seen.items() if root in roots}


def sign_of(attempt: AttemptLayout) -> Sign:
    """Return what changes whenever an attempt writes to its log or to its progress file."""
    return (_size(attempt.log), *_look(attempt.progress))


def last_line(text: str) -> str:
    """Return the last line that is not empty, as a terminal would show it, without control characters."""
    for line in reversed(text.split("\n")):
        shown = [_ESCAPES.sub("", part).strip() for part in line.split("\r")]
        kept = [part for part in shown if part]
        if kept:
            return kept[-1][:_LINE_CHARACTERS]
    return ""


def last_json(text: str) -> Dict[str, Any]:
    """Return the last whole line that is a JSON object, empty if there is none.

    Numbers that are not finite, as of a training that diverges, are null: no message can hold them.
    """
    for line in reversed(text.split("\n")[:-1]):
        try:
            body = _load(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(body, dict):
            return body
    return {}


def _finite(text: str) -> Optional[float]:
    value = float(text)
    return value if math.isfinite(value) else None


def _whole(text: str) -> Optional[float]:
    return int(text) if len(text) <= _WHOLE_CHARACTERS else _finite(text)


_load = json.JSONDecoder(parse_constant=_finite, parse_float=_finite, parse_int=_whole).decode


def _size(path: str) -> int:
    return _look(path)[0]


def _look(path: str) -> Tuple[int, int]:
    """Return the size of a file, and when it was written to in nanoseconds."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
