"""A job with its parameters and its metrics, as they lie in a run directory."""

from __future__ import annotations

from collections.abc import Callable

from master.core.results.groups import Row
from master.core.running.lifecycle import State
from master.specs import Config
from master.storage.result_records import read_record
from master.storage.run_layout import RunLayout
from master.view.logged.figures import figures_of


def row_of(
    layout: RunLayout,
    job_id: str,
    state: str,
    fields: Config | None,
    source: str = "",
    told: Callable[[str, str], object] = lambda job_id, problem: None,
) -> Row:
    """Return a job's row; `fields` None, as in a journal of an earlier version: what its result says of them.

    Its metrics are of a `source` (json, csv or tensorboard), or of the first that has some; `told` hears of
    which job they cannot be read, and why.  A job that has not succeeded has no metrics, whatever lies there.
    """
    if state != State.SUCCEEDED.value:
        return Row(job_id, fields or {}, {}, state)
    result = layout.result(job_id)
    if fields is None:
        fields = (read_record(result) or {"parameters": {}})["parameters"]
    found = figures_of(result, source)
    if found.problem:
        told(job_id, found.problem)
    return Row(job_id, fields, found.metrics, state)
