"""A job as JSON: one set of names, wherever it is shown or written.

What is published (`docs/outputs.md`, `docs/run_all_training.md`) picks from these and adds what is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from master.core.running.lifecycle import State
from master.core.running.summary import JobRow
from master.core.timestamps import iso

Entry = dict[str, Any]


def job_json(row: JobRow) -> Entry:
    """Return all that is told of a job."""
    return {
        "job_id": row.job_id,
        "phase": row.phase,
        "state": row.state.value,
        "worker": row.worker,
        "slot": row.slot,
        "attempts": row.attempts,
        "attempt": row.attempt,
        "start_time": iso(row.started_at),
        "end_time": iso(row.ended_at),
        "duration_seconds": row.duration_s,
        "exit_code": row.exit_code,
        "error": row.error or None,
        "stderr": _stderr(row),
        "spec_hash": row.spec_hash,
        "parent": row.parent,
        "resumes_from": row.resumes_from,
        "content_hash": row.content_hash or None,
        "peak_rss_bytes": row.peak_rss_bytes,
        "peak_gpu_bytes": row.peak_gpu_bytes,
        "left_out": [{"path": item.path, "reason": item.reason} for item in row.left_out],
    }


def _stderr(row: JobRow) -> str:
    return "" if row.state is State.SUCCEEDED else row.stderr_tail or row.error


def picked(entry: Mapping[str, Any], keys: Sequence[str]) -> Entry:
    """Return an entry with these keys alone, in their order."""
    return {key: entry[key] for key in keys}
