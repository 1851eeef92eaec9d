"""`training_summary_<stamp>.json`; `docs/run_all_training.md` has its keys."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from master.code.git import git_argv
from master.core.json_values import as_number
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.core.running.summary import job_row
from master.core.timestamps import Span, iso
from master.orchestrator.arguments import Passed, argv_of, shown_command, shown_words
from master.orchestrator.discovery import SPELLINGS, shown_path
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.resources import Gpu
from master.orchestrator.run_files import TrainingFiles
from master.runs.job_json import job_json, picked
from master.runs.phase_logs import write_phase_log
from master.storage.json_files import read_json

SUCCEEDED, FAILED, CANCELLED, NOT_RUN, INVALID = "succeeded", "failed", "cancelled", "not_run", "invalid"
_STATUS = {State.SUCCEEDED: SUCCEEDED, State.FAILED: FAILED, State.CANCELLED: CANCELLED}
_STATUS_WORDS = {
    **{SUCCEEDED: "SUCCESS", FAILED: "FAILED", INVALID: "FAILED"},
    **{CANCELLED: "INTERRUPTED", NOT_RUN: "INTERRUPTED"},
}
"""How other tools that read these summaries know a state."""
PIPELINE = "run_all_training"
_GIT_S = 10.0
_OF_THE_LAST_TRY = (
    *("start_time", "end_time", "duration_seconds", "exit_code", "worker", "slot", "peak_rss_bytes"),
    "left_out",
)


@dataclass(frozen=True)
class JobReport:
    """What became of a job."""

    id: str
    name: str
    status: str
    """succeeded, failed, cancelled, not_run (interrupted before it began) or invalid (it does not parse)."""
    optional: bool
    attempts: int
    start_time: str | None
    end_time: str | None
    duration_seconds: float | None
    exit_code: int | None
    worker: str | None
    slot: str | None
    peak_rss_bytes: int | None
    left_out: list[dict[str, str]] | None
    """Path and reason of what it left and what did not come home."""
    command: str
    output: str | None
    """Where its results are, None where there are none."""
    log: str | None
    """Of the last attempt."""
    error: str | None
    words: list[str]
    """The command, word by word."""
    takes: list[str]
    """Keys of `SPELLINGS`."""
    tail: str = ""
    """The end of its log, where it failed."""


def job_report(
    job: TrainingJob, state: RunState | None, passed: Passed, files: TrainingFiles, here: Path
) -> JobReport:
    """Return what became of a job; `state` is None where nothing was started."""
    record = state.jobs.get(job.job_id) if state else None
    row = job_row(record) if record else None
    told = picked(job_json(row), _OF_THE_LAST_TRY) if row else dict.fromkeys(_OF_THE_LAST_TRY)
    final, staged = files.published(job.job_id), files.result(job.job_id)
    status = INVALID if job.problem else _STATUS.get(row.state, NOT_RUN) if row else NOT_RUN
    earlier = state.retired.get(job.job_id, 0) if state else 0
    log = files.log(job.job_id, row.attempt) if row else None
    argv = argv_of(job, shown_path(job.script, here), passed)
    return JobReport(
        id=job.job_id,
        name=job.name,
        status=status,
        optional=job.optional,
        attempts=row.attempts - earlier if row else 0,
        **told,
        command=shown_command(argv, str(final)),
        output=str(staged if staged.exists() else final) if record and record.content_hash else None,
        log=str(log) if log and log.exists() else None,
        error=job.problem or (row.error if row else "") or None,
        words=shown_words(argv, str(final)),
        takes=list(job.takes),
        tail=row.stderr_tail if row and row.error else "",
    )


def job_summary(report: JobReport) -> dict[str, Any]:
    """Return what the summary says of a job.

    Where other tools know a key in another form, theirs has the key: `status` and `command` beside our
    `state` and `command_line`.
    """
    own = asdict(report)
    state, line, words, takes = (own.pop(key) for key in ("status", "command", "words", "takes"))
    own.pop("tail")
    supported = {f"supports_{what}": what in takes for what in SPELLINGS if what != "output_dir"}
    return {
        **{"id": own.pop("id"), "name": own.pop("name"), "status": _STATUS_WORDS[state], "state": state},
        **own,
        "duration_sec": own["duration_seconds"],
        "use_output_dir": "output_dir" in takes,
        **supported,
        **{"command": words, "command_line": line},
    }


def _gpu_info(gpus: Sequence[Gpu]) -> dict[str, Any]:
    found = {"framework": "system" if gpus else None, "cuda_available": bool(gpus)}
    return {**found, "device_count": len(gpus), "devices": [gpu.name for gpu in gpus]}


@dataclass(frozen=True)
class Setting:
    """Where and how the jobs ran."""

    here: Path
    arguments: Mapping[str, Any]
    workers: Mapping[str, Any]
    gpus: Sequence[Gpu]


def build_summary(
    reports: Sequence[JobReport], setting: Setting, span: Span, exit_code: int
) -> dict[str, Any]:
    """Return the summary, ready for JSON."""
    start, end, took_s = iso(span.begin), iso(span.end), round(span.seconds, 3)
    return {
        "pipeline": PIPELINE,
        **{"start_time_utc": start, "end_time_utc": end, "duration_sec": took_s},
        **{"start_time": start, "end_time": end, "duration_seconds": took_s},
        "exit_code": exit_code,
        "git_commit": git_commit(setting.here),
        **{"python": sys.version.replace("\n", " "), "python_version": platform.python_version()},
        "working_directory": str(setting.here),
        **{"gpu_info": _gpu_info(setting.gpus), "gpus": [asdict(gpu) for gpu in setting.gpus]},
        "arguments": dict(setting.arguments),
        "workers": dict(setting.workers),
        "total_jobs": len(reports),
        "successful_jobs": sum(report.status == SUCCEEDED for report in reports),
        "failed_jobs": sum(report.status in (FAILED, INVALID) for report in reports),
        "jobs": [job_summary(report) for report in reports],
    }


def git_commit(folder: Path) -> str | None:
    """Return the commit of a checkout, with `-dirty` where files differ from it; None outside of one."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        return head + ("-dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(
        git_argv(folder, *words), capture_output=True, text=True, check=True, timeout=_GIT_S
    ).stdout.strip()


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """Write the summary under its name once it is whole.  Raises OSError."""
    write_phase_log(path, summary)


def expected_seconds(summary_dir: Path) -> dict[str, float]:
    """Return how long jobs took when they last succeeded, from the summaries; {} where there are none."""
    known: dict[str, float] = {}
    for path in sorted(summary_dir.glob("training_summary_*.json"))[-_SUMMARIES:]:
        try:
            jobs = read_json(path)["jobs"]
            known |= {
                str(job["id"]): seconds
                for job in jobs
                if job["state"] == SUCCEEDED and (seconds := as_number(job["duration_seconds"])) is not None
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return known


_SUMMARIES = 20
"""So many of the last summaries are looked at."""


def final_exit_code(dispatched: int, reports: Sequence[JobReport], *, allow_partial: bool) -> int:
    """Return the exit code of the command, given that of the dispatcher (0, 1, 4 or 130)."""
    if dispatched not in (0, 1):
        return dispatched
    if all(report.status == SUCCEEDED for report in reports if not report.optional):
        return 0
    return 0 if allow_partial and any(report.status == SUCCEEDED for report in reports) else 1
