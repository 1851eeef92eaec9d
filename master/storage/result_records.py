"""What results say of themselves, read back: each holds a record of the attempt that made it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from master.core.json_values import as_number
from master.core.running.lifecycle import State
from master.specs import Config
from master.storage.json_files import read_json
from master.storage.run_layout import RunLayout, record_names

if TYPE_CHECKING:
    from master.core.running.summary import JobRow

_CODE_DIGITS = 8


@dataclass(frozen=True)
class EarlierResult:
    """A result of the run that is of a job which the present command has not."""

    row: JobRow
    config: Config


def earlier_results(layout: RunLayout, job_ids: Iterable[str]) -> list[EarlierResult]:
    """Return the results of these jobs; one that says nothing of itself is left out."""
    found = ((job_id, read_record(layout.result(job_id))) for job_id in job_ids)
    return [EarlierResult(_row(job_id, record), record["parameters"]) for job_id, record in found if record]


def read_record(result: Path) -> dict[str, Any] | None:
    """Return the record of a result; None where it has none, or a file of its script in that place."""
    found = find_record(result)
    return found and found[1]


def find_record(result: Path) -> tuple[str, dict[str, Any]] | None:
    """Return the name of a result's record, and what it says: of the names that are there, the last."""
    try:
        there = {entry.name for entry in result.iterdir()}
    except OSError:
        return None
    names = [name for name in islice(record_names(), len(there) + 1) if name in there]
    records = ((name, _record(result / name)) for name in reversed(names))
    return next(((name, record) for name, record in records if record), None)


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record = read_json(path)
        fields = record["parameters"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return dict(record) if isinstance(fields, dict) and "job_id" in record else None


def code_of(result: Path) -> str:
    """Return what tells the code of a result from other code, in short; "" where it is not told."""
    code = (read_record(result) or {}).get("code")
    digest = str(code.get("digest") or "") if isinstance(code, dict) else ""
    kind, _, known_by = digest.partition(":")
    return known_by if kind == "trainer" else known_by[:_CODE_DIGITS]


def _row(job_id: str, record: dict[str, Any]) -> JobRow:
    from master.core.running.summary import JobRow  # what few commands need

    attempt = int(as_number(record.get("attempt")) or 0)
    return JobRow(
        *(job_id, 2, State.SUCCEEDED, attempt, attempt, _text(record.get("worker"))),
        error="",
        slot=_text(record.get("slot")),
        duration_s=as_number(record.get("duration_seconds")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
