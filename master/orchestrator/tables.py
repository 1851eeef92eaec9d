"""The tables of `run_all_training`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from master.core.harmless import clean
from master.core.running.failures import signature
from master.orchestrator.arguments import Passed, argv_of, not_passed, shown_command
from master.orchestrator.discovery import shown_path
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.run_files import TrainingFiles
from master.orchestrator.summary_file import CANCELLED, FAILED, INVALID, NOT_RUN, SUCCEEDED, JobReport
from master.view.failures import Failure, print_failures, print_left_out
from master.view.tables import cut, new_table, stdout_console
from master.view.wording import duration, plural

_STYLES = {SUCCEEDED: "green", FAILED: "red", INVALID: "red", CANCELLED: "yellow", NOT_RUN: "yellow"}


def list_json(jobs: Sequence[TrainingJob], here: Path) -> list[dict[str, Any]]:
    """Return the jobs as `--list --json` prints them."""
    return [
        {
            "id": job.job_id,
            "name": job.name,
            "script": shown_path(job.script, here),
            "output": job.output,
            "takes": dict(job.takes),
            "args": list(job.args),
            "optional": job.optional,
            "timeout_seconds": job.timeout_s,
            "stall_timeout_seconds": job.stall_timeout_s,
            "gpu_bytes": job.gpu_bytes,
            "executor": job.executor,
            "discovered": job.discovered,
            "problem": job.problem or None,
        }
        for job in jobs
    ]


def print_list(jobs: Sequence[TrainingJob], here: Path, console: Console | None = None) -> None:
    """Print the jobs: what they are called and what they take."""
    console = console or stdout_console()
    for job in jobs:
        console.print(
            Text.assemble((job.job_id, "bold"), f"  {shown_path(job.script, here)}"), soft_wrap=True
        )
        for line in _about(job):
            console.print(Padding(line, (0, 0, 0, 4)))
    console.print(plural(len(jobs), "job"))


def _about(job: TrainingJob) -> Iterator[Text]:
    """Yield what there is to know of a job below its name; each line fits a narrow terminal."""
    if job.problem:
        yield Text(f"cannot run: {clean(job.problem)}", "red")
    yield Text(f"takes {' '.join(job.takes.values()) or 'none of the flags that are passed on'}", "dim")
    notes = [
        *(["optional"] if job.optional else []),
        *([] if job.discovered else ["listed in the jobs file"]),
    ]
    if notes:
        yield Text(", ".join(notes), "dim")


def plan_json(
    jobs: Sequence[TrainingJob], passed: Passed, files: TrainingFiles, here: Path, workers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what `--dry-run --json` prints."""
    return {
        "workers": dict(workers),
        "jobs": [
            {
                **row,
                "command": _command(job, passed, files, here),
                "not_passed": list(not_passed(job, passed)),
            }
            for row, job in zip(list_json(jobs, here), jobs, strict=True)
        ],
    }


def print_plan(
    jobs: Sequence[TrainingJob],
    passed: Passed,
    files: TrainingFiles,
    here: Path,
    console: Console | None = None,
) -> None:
    """Print the commands that would be run."""
    console = console or stdout_console()
    table = new_table("Commands", "job", "reason")
    table.columns[1].header = "command"
    for job in jobs:
        problem = Text(f"cannot run: {clean(job.problem)}", "red") if job.problem else None
        table.add_row(job.job_id, problem or Text(_command(job, passed, files, here)))
    console.print(table)


def _command(job: TrainingJob, passed: Passed, files: TrainingFiles, here: Path) -> str:
    argv = argv_of(job, shown_path(job.script, here), passed)
    return shown_command(argv, str(files.published(job.job_id)))


def print_reports(reports: Sequence[JobReport], elapsed_s: float, console: Console | None = None) -> None:
    """Print what became of the jobs, the reasons of failures last."""
    console = console or stdout_console()
    tries = [">tries"] if any(report.attempts > 1 for report in reports) else []
    table = new_table("Training jobs", "job", "status", ">took", "worker:slot", *tries, "results")
    first, hidden, last = cut(reports)
    for report in first:
        table.add_row(*_cells(report, tries=bool(tries)))
    if hidden:
        table.add_row(f"… {hidden:,} more", *[""] * (len(table.columns) - 1))
    for report in last:
        table.add_row(*_cells(report, tries=bool(tries)))
    console.print()
    console.print(table)
    console.print()
    left_out = [(it.id, item["path"], item["reason"]) for it in reports for item in it.left_out or ()]
    print_left_out(console, left_out, "the summary")
    print_failures(console, _failures(reports), "the summary")
    done = sum(report.status == SUCCEEDED for report in reports)
    console.print(f"{done:,} of {plural(len(reports), 'job')} succeeded in {duration(elapsed_s)}.")


def _cells(report: JobReport, *, tries: bool) -> list[str | Text]:
    status = Text(report.status + (" (optional)" if report.optional else ""), _STYLES[report.status])
    where = ":".join(filter(None, (report.worker, report.slot)))
    counted = [str(report.attempts)] if tries else []
    return [report.id, status, duration(report.duration_seconds), where, *counted, report.output or "–"]


def _failures(reports: Sequence[JobReport]) -> list[Failure]:
    failed = [report for report in reports if report.error and report.status != CANCELLED]
    return [_failure(report, report.error or "") for report in failed]


def _failure(report: JobReport, reason: str) -> Failure:
    way = report.status, signature(report.exit_code, report.tail or reason)
    return Failure(report.id, reason, way, report.tail, Path(report.log) if report.log else None)
