"""What attempts take, compared with what they may."""

from __future__ import annotations

import pytest

from worker_agent.core.excess import Usage, output_problem, problem_of
from worker_agent.protocol.terms import NO_LIMITS, JobLimits

MB = 10**6
LIMITS = JobLimits(memory_bytes=100 * MB, processes=10, output_bytes=5 * MB)
ADVICE = "in its `limits`, as far as the cluster config allows, or have it take less"


@pytest.mark.parametrize(
    ("usage", "problem"),
    [
        (Usage(), ""),
        (Usage(100 * MB, 10, 5 * MB), ""),
        (
            Usage(memory_bytes=100 * MB + 1),
            "over its limit of memory: its processes took 100.0 MB, allowed are 100.0 MB; raise `memory` ",
        ),
        (
            Usage(memory_bytes=99 * MB, denied_memory=True),
            "over its limit of memory: its processes took 100.0 MB, allowed are 100.0 MB; raise `memory` ",
        ),
        (
            Usage(processes=31),
            "over its limit of processes: it had 31 at a time, allowed are 10; raise `processes` ",
        ),
        (
            Usage(output_bytes=1234 * MB),
            "over its limit of output: it wrote 1,234.0 MB of log and results, allowed are 5.0 MB; "
            "raise `output` ",
        ),
    ],
)
def test_which_limit_what_was_taken_and_what_to_do(usage: Usage, problem: str) -> None:
    assert problem_of(LIMITS, usage) == (problem and problem + ADVICE)
    assert problem_of(NO_LIMITS, Usage(2**50, 2**20, 2**50)) == ""


def test_memory_comes_first_as_it_is_what_hurts() -> None:
    assert "of memory" in problem_of(LIMITS, Usage(200 * MB, 20, 200 * MB))


def test_without_limits_nothing_is_too_much() -> None:
    assert output_problem(None, 2**60) == output_problem(JobLimits(), 2**60) == ""
    assert output_problem(LIMITS, None) == ""
