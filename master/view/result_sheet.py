"""The table of all results as a file for spreadsheets: a row a job, its fields beside its metrics."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from master.core.planning.readable_names import naming_fields
from master.core.planning.value_texts import value_text
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.core.running.summary import JobRow, job_rows
from master.specs import EMPTY, Config, JobsSpec
from master.storage.metrics_file import read_metrics
from master.storage.result_records import EarlierResult, code_of
from master.storage.run_layout import RunLayout, sheet_of
from master.view.metrics import Metrics
from worker_agent.protocol.whole_files import write_whole

_FIRST, _LAST = ("job", "state"), ("seconds", "worker", "slot", "attempts", "code", "error")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With what a text begins that a spreadsheet would compute."""


def sheet(
    rows: Sequence[JobRow],
    configs: Mapping[str, Config],
    metrics: Mapping[str, Metrics],
    codes: Mapping[str, str] = EMPTY,
    asked_for: Collection[str] = (),
) -> str:
    """Return the table as CSV: the fields in which jobs differ, all metrics, and how each job went.

    `codes` tell by job id which code made a result; fields that are `asked_for` are columns in any case.
    """
    varied = naming_fields(list(configs.values())) if configs else frozenset()
    fields = _in_order({*varied, *asked_for}, configs)
    names = list(dict.fromkeys(name for found in metrics.values() for name in found))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    taken = {*_FIRST, *fields, *_LAST}
    titles = [f"metrics.{name}" if name in taken else name for name in names]
    writer.writerow([*_FIRST, *fields, *map(cell, titles), *_LAST])
    for row in rows:
        config, found = configs.get(row.job_id, {}), metrics.get(row.job_id, {})
        own = (cell(config[name]) if name in config else "" for name in fields)
        figures = (found.get(name, "") for name in names)
        writer.writerow([*_head(row), *own, *figures, *_tail(row, codes)])
    return text.getvalue()


def write_sheet(
    state: RunState,
    layout: RunLayout,
    jobs: JobsSpec,
    metrics: Mapping[str, Metrics],
    earlier: Sequence[EarlierResult] = (),
) -> Iterator[str]:
    """Write the table of a run, with the `earlier` results below; yield what to say where that cannot be."""
    path = sheet_of(layout.phase2_log)
    rows = [*job_rows(state, phase=2), *(each.row for each in earlier)]
    before = {each.row.job_id: each.config for each in earlier}
    configs = {**{job.job_id: job.config for job in jobs.jobs}, **before}
    figures = {job_id: read_metrics(layout.result(job_id)) for job_id in before}
    codes = {row.job_id: code_of(layout.result(row.job_id)) for row in rows if row.state is State.SUCCEEDED}
    text = sheet(rows, configs, {**metrics, **figures}, codes, jobs.asked_for)
    try:
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        yield f"{path} cannot be written: {error.strerror}; the same command writes it again"


def _in_order(fields: Collection[str], configs: Mapping[str, Config]) -> list[str]:
    names = dict.fromkeys(name for config in configs.values() for name in config)
    return [name for name in names if name in fields]


def _head(row: JobRow) -> tuple[str, str]:
    return row.job_id, row.state.value


def _tail(row: JobRow, codes: Mapping[str, str]) -> tuple[Any, ...]:
    seconds = "" if row.duration_s is None else round(row.duration_s, 3)
    code = codes.get(row.job_id, "")
    return seconds, row.worker or "", row.slot or "", row.attempts, code, cell(row.error)


def cell(value: Any) -> Any:
    """Return a value as a spreadsheet shows it and never computes it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else value_text(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text
