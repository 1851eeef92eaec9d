"""What is said of jobs' starts: who ran otherwise than asked, and what forks would have saved."""

from __future__ import annotations

import pytest

from master.view.job_starts import (
    durations_of,
    other_executors,
    saved_s,
    start_notes,
    warm_hint,
)
from tests.support.endings import finished
from tests.support.scripted_run import ScriptedRun, jobs_spec

WHY = "its imports have started threads"


def test_jobs_that_ran_otherwise_than_asked_are_counted_by_reason() -> None:
    fell_back = finished(executor="process", executor_note=WHY)
    other = finished(executor="process", executor_note="sh is not a Python interpreter")
    found = other_executors([finished(executor="warm"), fell_back, other, fell_back])
    assert found == [f"2 jobs ran as process: {WHY}", f"1 job ran as process: {other.executor_note}"]


def test_only_jobs_that_succeeded_as_a_process_tell_how_long_one_takes() -> None:
    ends = [
        finished(duration_s=1.5),
        finished("failed", duration_s=0.1),
        finished(duration_s=0.2, executor="warm"),
        finished(duration_s=3.0, executor_note=WHY),
        finished(),
    ]
    assert durations_of(ends) == [1.5]


@pytest.mark.parametrize(
    ("durations", "import_s", "expected"),
    [
        ([3.0, 5.0], [2.0, 0.1], 4.0),  # the slowest import, in each
        ([0.5, 5.0], [2.0], 1.0),  # no more than the shortest job took
        ([3.0], [], 0.0),
        ([], [2.0], 0.0),
    ],
)
def test_what_imports_cost_is_bounded_by_the_shortest_job(
    durations: list[float], import_s: list[float], expected: float
) -> None:
    assert saved_s(durations, import_s) == expected


def test_short_jobs_are_told_what_forks_would_have_saved() -> None:
    (line,) = warm_hint([3.0] * 10, ["numpy", "torch", "mine"])
    assert line.startswith(
        "10 jobs took 30 s of computing, of that about 20 s to start Python and import torch: "
    )
    assert "`--executor warm`" in line


@pytest.mark.parametrize(
    ("durations", "imports"),
    [
        ([3.0] * 3, ["torch"]),  # few jobs
        ([60.0] * 10, ["torch"]),  # a small share of their time
        ([1.0] * 4, ["torch"]),  # seconds
        ([3.0] * 10, ["mine"]),  # nothing slow is imported
        ([], ["torch"]),
    ],
)
def test_nothing_is_said_where_it_would_save_little(durations: list[float], imports: list[str]) -> None:
    assert warm_hint(durations, imports) == []


def test_a_run_tells_both() -> None:
    run = ScriptedRun(jobs_spec(5, 0), ["lab1"])
    run.up("lab1", 5)
    run.succeed("job0", executor_note=WHY)
    for number in range(1, 5):
        run.succeed(f"job{number}", seconds=3.0)
    first, second = start_notes(run.state, ["torch"])
    assert first == f"1 job ran as process: {WHY}"
    assert second.startswith("4 jobs took 12 s of computing, of that about 8 s")
