"""What a run is going to do with each job, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console

from master.core.planning.outlook import PlannedTask
from master.view.tables import stdout_console
from master.view.wording import clean, plural


def print_tasks(tasks: Sequence[PlannedTask], *, each: bool, console: Console | None = None) -> None:
    """Print what earlier starts have done, and with `each` a line for each job: its command."""
    console = console or stdout_console()
    for line in task_lines(tasks, each=each):
        console.print(clean(line), soft_wrap=True)


def task_lines(tasks: Sequence[PlannedTask], *, each: bool) -> Iterator[str]:
    """Yield the lines of `print_tasks`."""
    done = sum(task.is_done for task in tasks)
    tried = sum(not task.is_done and task.attempts > 0 for task in tasks)
    if done or tried:
        left = f"{len(tasks) - done:,} of {plural(len(tasks), 'job')} will run"
        again = f", {tried:,} begun before" if tried else ""
        yield f"Goes on with an earlier run: {done:,} done, {left}{again}."
    if each:
        yield from (f"{task.task_id}: {'done' if task.is_done else task.command}" for task in tasks)
