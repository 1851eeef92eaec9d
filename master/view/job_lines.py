"""What a run is going to do with each job, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from master.core.harmless import clean
from master.core.planning.outlook import PlannedJob
from master.core.running.policy import Policy
from master.runs.launching import Limits
from master.view.tables import stdout_console
from master.view.wording import duration, plural

_FIRST_SHOWN = 2


def print_jobs(jobs: Sequence[PlannedJob], *, each: bool, console: Console | None = None) -> None:
    """Print what earlier starts have done, and the commands of a few jobs, with `each` those of all."""
    console = console or stdout_console()
    for line in job_lines(jobs, each=each):
        console.print(clean(line), soft_wrap=True)


def job_lines(jobs: Sequence[PlannedJob], *, each: bool) -> Iterator[str]:
    """Yield the lines of `print_jobs`."""
    done = sum(job.is_done for job in jobs)
    cancelled = sum(bool(job.cancelled) for job in jobs)
    pruned = sum(job.is_pruned for job in jobs)
    stays = done + cancelled + pruned
    tried = sum(job.attempts > 0 for job in jobs if not (job.is_done or job.cancelled or job.is_pruned))
    if stays or tried:
        left = f"{len(jobs) - stays:,} of {plural(len(jobs), 'job')} will run"
        again = f", {tried:,} begun before" if tried else ""
        kept = f", {cancelled:,} cancelled by hand and kept so (--retry-cancelled)" if cancelled else ""
        kept += f", {pruned:,} pruned" if pruned else ""
        yield f"Goes on with an earlier run: {done:,} done, {left}{again}{kept}."
    hidden = 0 if each else max(0, len(jobs) - _FIRST_SHOWN - 1)
    yield from map(_line, jobs[:_FIRST_SHOWN] if hidden else jobs)
    if hidden:
        yield f"… {hidden:,} more: --verbose shows all"
        yield _line(jobs[-1])


def _line(job: PlannedJob) -> str:
    if job.cancelled:
        return f"{job.job_id}: cancelled {job.cancelled}"
    if job.is_pruned:
        return f"{job.job_id}: pruned, and goes on only where it comes to be among the best"
    return f"{job.job_id}: {'done' if job.is_done else job.command}"


def print_settings(limits: Limits, policy: Policy, console: Console | None = None) -> None:
    """Print what holds for all jobs that do not say otherwise."""
    console = console or stdout_console()
    console.print(f"Of all jobs that do not say otherwise: {settings_text(limits, policy)}.", soft_wrap=True)
    console.print()


def settings_text(limits: Limits, policy: Policy) -> str:
    """Return what holds for all jobs that do not say otherwise."""
    times = (("timeout", limits.timeout_s), ("stall timeout", limits.stall_timeout_s))
    told = [f"{name} {duration(value)}" if value else f"no {name}" for name, value in times]
    tries = plural(policy.retries, "further try", "further tries")
    one = ["one job at a time"] if policy.max_running == 1 else []
    passed = ["base models from worker to worker, over a port for seconds"] if policy.peers else []
    return ", ".join([*told, tries, f"executor {limits.executor}", *one, *passed])
