"""A job with its parameters and its metrics, as they lie in a run directory."""

from __future__ import annotations

from master.core.results.groups import Row
from master.core.running.lifecycle import State
from master.specs import Config
from master.storage.result_records import read_record
from master.storage.run_layout import RunLayout
from master.view.metrics import read_metrics


def row_of(layout: RunLayout, job_id: str, state: str, fields: Config | None) -> Row:
    """Return a job's row; `fields` None, as in a journal of an earlier version: what its result says of them.

    A job that has not succeeded has no metrics, whatever lies there.
    """
    if state != State.SUCCEEDED.value:
        return Row(job_id, fields or {}, {}, state)
    result = layout.result(job_id)
    if fields is None:
        fields = (read_record(result) or {"parameters": {}})["parameters"]
    return Row(job_id, fields, read_metrics(result), state)
