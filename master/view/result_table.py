"""What became of a run: the table at the end and its JSON form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from master.core.harmless import clean
from master.core.planning.generations.trees import branch
from master.core.running.failures import signature
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.core.running.summary import BaseModelRow, JobRow, base_model_rows, job_rows, savings
from master.runs.job_json import job_json, picked
from master.storage.metrics_file import read_metrics
from master.storage.run_layout import RunLayout, sheet_of
from master.view.failures import Failure, print_cancelled, print_failures, print_left_out
from master.view.metrics import Metrics, beaten, columns, has_baseline, title
from master.view.tables import cut, new_table, stdout_console
from master.view.wording import duration, figure, plural, short_hash

_STYLES = {
    **{State.SUCCEEDED: "green", State.FAILED: "red", State.BLOCKED: "red"},
    **{State.CANCELLED: "yellow", State.PRUNED: "cyan"},
}

JOB_KEYS = (
    *("job_id", "state", "worker", "slot", "attempts", "duration_seconds", "result_dir", "error"),
    *("left_out", "metrics"),
)
BASE_MODEL_KEYS = (
    *("spec_hash", "parent", "resumes_from", "content_hash", "jobs", "state", "worker", "slot"),
    *("duration_seconds", "error"),
)
_IN_STORE = {**dict.fromkeys(BASE_MODEL_KEYS), "state": "in_store"}
"""Of the training of a base model that needed none."""


def result_json(
    state: RunState,
    exit_code: int,
    metrics: Mapping[str, Metrics],
    result_dir: Callable[[str], Path],
    code_notes: Sequence[str] = (),
    start_notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what became of a run, ready for JSON; `metrics` by job id."""
    bases = base_model_rows(state)
    saved = savings(bases)
    return {
        "exit_code": exit_code,
        "halted": state.halted or None,
        "jobs": [
            _job(row, metrics.get(row.job_id, {}), result_dir(row.job_id)) for row in job_rows(state, phase=2)
        ],
        "base_models": [_base_model(row) for row in bases],
        "trainings_saved": saved.trainings,
        "seconds_saved": round(saved.seconds, 3),
        "code_notes": list(code_notes),
        "start_notes": list(start_notes),
    }


def _job(row: JobRow, metrics: Metrics, result_dir: Path) -> dict[str, Any]:
    own = {
        "result_dir": str(result_dir) if row.state is State.SUCCEEDED and row.content_hash else None,
        "metrics": dict(metrics),
    }
    return picked({**job_json(row), **own}, JOB_KEYS)


def _base_model(row: BaseModelRow) -> dict[str, Any]:
    own: dict[str, Any] = {"spec_hash": row.spec_hash, "parent": row.parent}
    own["resumes_from"] = row.resumes_from
    own |= {"content_hash": row.content_hash or None, "jobs": row.jobs}
    training = job_json(row.training) if row.training else _IN_STORE
    return picked({**training, **own}, BASE_MODEL_KEYS)


def collected_metrics(state: RunState, layout: RunLayout) -> dict[str, Metrics]:
    """Return the metrics of all experiments that succeeded, by job id; reads a file for each."""
    return {
        row.job_id: read_metrics(layout.result(row.job_id))
        for row in job_rows(state, phase=2)
        if row.state is State.SUCCEEDED
    }


def print_result(
    state: RunState,
    layout: RunLayout,
    *,
    elapsed_s: float | None = None,
    picture: Path | None = None,
    notes: Sequence[str] = (),
    console: Console | None = None,
) -> None:
    """Print what became of a run; what failed comes last, with its reason and its log."""
    console = console or stdout_console()
    console.print()
    jobs, bases = job_rows(state, phase=2), base_model_rows(state)
    _print_base_models(console, bases)
    _print_jobs(console, jobs, layout)
    left_out = [(row.job_id, item.path, item.reason) for row in jobs for item in row.left_out]
    print_left_out(console, left_out, "the log of the phase")
    failed = [
        row for row in (*job_rows(state, phase=1), *jobs) if row.error and row.state is not State.PRUNED
    ]
    logs = f"{layout.phase1_log.name} and {layout.phase2_log.name}"
    print_failures(console, _failures(failed, layout), logs)
    print_cancelled(console, [(row.job_id, row.cancelled_by) for row in failed if row.cancelled_by])
    console.print(_total(jobs, bases, elapsed_s))
    for note in notes:
        console.print(note, soft_wrap=True)
    console.print(f"Results: {_results(layout)}", soft_wrap=True)
    if sheet_of(layout.phase2_log).is_file():
        console.print(f"Table:   {sheet_of(layout.phase2_log)}", soft_wrap=True)
    console.print(f"Logs:    {layout.phase1_log}, {layout.phase2_log}", soft_wrap=True)
    if picture is not None:
        console.print(f"Picture: {picture}", soft_wrap=True)


def _results(layout: RunLayout) -> str:
    return str(layout.experiments) if layout.experiments.is_dir() else "none, no file has come home"


def _print_base_models(console: Console, bases: Sequence[BaseModelRow]) -> None:
    if not bases:
        return
    table = new_table("Base models", "hash", "state", "trained on", ">took", ">experiments")
    first, hidden, last = cut(bases)
    for row in first:
        table.add_row(*_base_model_cells(row))
    if hidden:
        table.add_row("…", f"{hidden:,} more", "", "", "")
    for row in last:
        table.add_row(*_base_model_cells(row))
    console.print(table)
    console.print()


def _base_model_cells(row: BaseModelRow) -> tuple[str | Text, ...]:
    name, jobs = branch(row.depth) + short_hash(row.spec_hash), f"{row.jobs:,}"
    if row.training is None:
        return name, "in the store", "", "", jobs
    training = row.training
    return name, _state(training.state), training.where, duration(training.duration_s), jobs


def _state(state: State) -> Text:
    return Text(state.value, _STYLES.get(state, ""))


def _print_jobs(console: Console, jobs: Sequence[JobRow], layout: RunLayout) -> None:
    first, hidden, last = cut(jobs)
    metrics = {
        row.job_id: read_metrics(layout.result(row.job_id))
        for row in (*first, *last)
        if row.state is State.SUCCEEDED
    }
    names = columns(metrics.values())[: 3 if console.width >= 100 else 2]
    headings = [f">{title(name)}" for name in names]
    tries = [">tries"] if any(row.attempts > 1 for row in jobs) else []
    table = new_table("Experiments", "job", "state", *headings, ">took", "worker:slot", *tries)
    table.columns[0].min_width = min(max(len(row.job_id) for row in (*first, *last)), console.width // 2)
    for row in first:
        table.add_row(*_job_cells(row, names, metrics.get(row.job_id, {}))[: len(table.columns)])
    if hidden:
        table.add_row(
            f"… {hidden:,} more in {sheet_of(layout.phase2_log).name}", *[""] * (len(names) + 3 + len(tries))
        )
    for row in last:
        table.add_row(*_job_cells(row, names, metrics.get(row.job_id, {}))[: len(table.columns)])
    console.print(table)
    console.print()
    if any(map(has_baseline, metrics.values())):
        done = (row for row in jobs if row.state is State.SUCCEEDED)
        for line in beaten(read_metrics(layout.result(row.job_id)) for row in done):
            console.print(Text(clean(line), "yellow"), soft_wrap=True)


def _job_cells(row: JobRow, names: Sequence[str], metrics: Metrics) -> list[str | Text]:
    figures = [figure(metrics[name]) if name in metrics else "–" for name in names]
    tries = str(row.attempts) if row.attempts else "–"
    return [row.job_id, _state(row.state), *figures, duration(row.duration_s), row.where, tries]


def _failures(failed: Sequence[JobRow], layout: RunLayout) -> list[Failure]:
    """Return why jobs failed; those that only waited for a failed base model come after the others."""
    ordered = sorted(failed, key=lambda row: row.state is not State.FAILED)
    return [_failure(row, layout) for row in ordered if row.state is not State.CANCELLED]


def _failure(row: JobRow, layout: RunLayout) -> Failure:
    way = row.state, signature(row.exit_code, row.stderr_tail or row.error)
    log = layout.log(row.job_id, row.attempt)
    return Failure(row.job_id, row.error, way, row.stderr_tail, log)


def _total(jobs: Sequence[JobRow], bases: Sequence[BaseModelRow], elapsed_s: float | None) -> str:
    done = sum(row.state is State.SUCCEEDED for row in jobs)
    saved = savings(bases)
    text = f"{done:,} of {plural(len(jobs), 'experiment')} succeeded"
    if pruned := sum(row.state is State.PRUNED for row in jobs):
        text += f", {pruned:,} pruned"
    if elapsed_s is not None:
        text += f" in {duration(elapsed_s)}"
    if not bases:
        return f"{text}."
    text += f"; sharing base models saved {plural(saved.trainings, 'training')}"
    return text + (f", {duration(saved.seconds)} of computing." if saved.seconds else ".")
