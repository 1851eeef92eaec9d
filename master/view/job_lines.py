"""What a run is going to do with each job, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from master.core.planning.outlook import PlannedJob
from master.view.tables import stdout_console
from master.view.wording import clean, plural


def print_jobs(jobs: Sequence[PlannedJob], *, each: bool, console: Console | None = None) -> None:
    """Print what earlier starts have done, and with `each` a line for each job: its command."""
    console = console or stdout_console()
    for line in job_lines(jobs, each=each):
        console.print(clean(line), soft_wrap=True)


def job_lines(jobs: Sequence[PlannedJob], *, each: bool) -> Iterator[str]:
    """Yield the lines of `print_tasks`."""
    done = sum(job.is_done for job in jobs)
    tried = sum(not job.is_done and job.attempts > 0 for job in jobs)
    if done or tried:
        left = f"{len(jobs) - done:,} of {plural(len(jobs), 'job')} will run"
        again = f", {tried:,} begun before" if tried else ""
        yield f"Goes on with an earlier run: {done:,} done, {left}{again}."
    if each:
        yield from (f"{job.job_id}: {'done' if job.is_done else job.command}" for job in jobs)
