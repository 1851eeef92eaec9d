"""The jobs of a run directory with their parameters and metrics, as they lie there: no master is needed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from master.core.results.groups import Row
from master.storage.result_records import read_record
from master.storage.run_layout import RunLayout
from master.view.metrics import read_metrics

_SUCCEEDED = "succeeded"
_LARGEST_LOG = 1 << 30


def read_rows(layout: RunLayout) -> list[Row]:
    """Return a row for each result, and for each job of the last start that has none, by job id.

    Raises ValueError, with what to do, where the log of the phase is damaged.
    """
    found = {row.job_id: row for row in _results(layout)}
    for row in _logged(layout.phase2_log):
        found.setdefault(row.job_id, row)
    return [found[job_id] for job_id in sorted(found)]


def _results(layout: RunLayout) -> Iterator[Row]:
    """Yield what each result says of itself; base models are none."""
    for folder in _folders(layout.experiments):
        record = read_record(folder)
        if record is not None and layout.result(str(record["job_id"])) == folder:
            yield Row(str(record["job_id"]), record["parameters"], read_metrics(folder), _SUCCEEDED)


def _folders(experiments: Path) -> Iterator[Path]:
    """Yield all folders below, but those of base models and those below a result."""
    for path, names, files in os.walk(experiments):
        here = Path(path)
        if here == experiments and "base_models" in names:
            names.remove("base_models")
        if any(name.endswith("job.json") for name in files):
            names.clear()
            yield here


def _logged(log: Path) -> Iterator[Row]:
    """Yield the jobs of a log that did not succeed; nothing where there is no log yet."""
    try:
        size = log.stat().st_size
        told: Any = json.loads(log.read_text(encoding="utf-8")) if size <= _LARGEST_LOG else None
        jobs = list(told["jobs"])
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{log} cannot be read ({error}): the same command writes it anew") from error
    for job in jobs:
        if isinstance(job, dict) and job.get("state") != _SUCCEEDED and isinstance(job.get("config"), dict):
            yield Row(str(job.get("job_id")), job["config"], {}, str(job.get("state")))
