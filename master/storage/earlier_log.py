"""The log that an earlier start left: gone on with only where it is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from master.core.json_values import as_number
from master.specs import EMPTY
from master.storage.json_files import read_json

Fits = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return as_number(value) is not None


def _or_none(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _is_entry(value: Any) -> bool:
    return _has(value, _OF_JOB)


_OF_JOB: Mapping[str, Fits] = {
    "job_id": _is_text,
    "success": lambda value: isinstance(value, bool),
    "state": _is_text,
    "start_time": _or_none(_is_text),
    "end_time": _or_none(_is_text),
    "duration_seconds": _or_none(_is_number),
}
_IF_SAID: Mapping[str, Fits] = {"worker": _or_none(_is_text), "gpu": _or_none(_is_text)}
_OF_LOG: Mapping[str, Fits] = {
    "start_time": _is_text,
    "end_time": _is_text,
    "total_duration_seconds": _is_number,
    "slots": _is_number,
    "jobs": lambda value: isinstance(value, list) and all(map(_is_entry, value)),
}
_OF_GPUS: Mapping[str, Fits] = {"gpus": lambda value: isinstance(value, list) and all(map(_is_text, value))}


def _has(value: Any, needed: Mapping[str, Fits]) -> bool:
    return (
        isinstance(value, dict)
        and all(name in value and fits(value[name]) for name, fits in needed.items())
        and all(fits(value.get(name)) for name, fits in _IF_SAID.items())
    )


def read_phase_log(path: Path) -> Mapping[str, Any]:
    """Return the log at `path`, an empty one where there is none that this version can go on with."""
    try:
        log = read_json(path)
    except (OSError, ValueError):
        return EMPTY
    if not _has(log, _OF_LOG) or ("gpus" in log and not _has(log, _OF_GPUS)):
        return EMPTY
    return log  # type: ignore[no-any-return]
