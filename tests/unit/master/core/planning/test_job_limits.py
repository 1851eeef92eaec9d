"""What a job may take: how it is read, and how limits of jobs and servers go together."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.job_limits import (
    allows,
    beyond,
    job_limits,
    loosest,
    most_of,
    tightest,
    told,
    wrong_limits,
)
from worker_agent.protocol.terms import NO_LIMITS, JobLimits

GB = 10**9


def test_quantities_have_units() -> None:
    assert job_limits({"memory": "2GB", "processes": 8, "output": "1MiB"}) == JobLimits(2 * GB, 8, 1 << 20)
    assert job_limits({"memory": None}) == job_limits({}) == NO_LIMITS


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("2GB", 'is `"2GB"`, allowed is an object of memory, processes, output'),
        ({"memmory": 1}, "has a key `memmory` is unknown: did you mean `memory`?"),
        ({"process": 1}, "did you mean `processes`?"),
        ({"memory": "2 apples"}, 'has memory `"2 apples"`, allowed is a number of bytes above 0'),
        ({"processes": 0}, "has processes `0`, allowed are whole numbers from 1 to 1000000"),
        ({"processes": True}, "allowed are whole numbers"),
        ({"processes": "8"}, "allowed are whole numbers"),
        ({"output": 0}, "has output `0`, allowed is a number of bytes above 0"),
    ],
)
def test_what_is_wrong_is_told(value: Any, says: str) -> None:
    assert says in wrong_limits(value)
    assert job_limits(value) is None


def test_a_machine_s_bound_holds_where_a_job_asks_for_more_or_nothing() -> None:
    bound = JobLimits(memory_bytes=16 * GB, processes=64)
    assert tightest(NO_LIMITS, bound) == bound
    assert tightest(JobLimits(GB, 100, 5), bound) == JobLimits(GB, 64, 5)
    found = [most_of(key, JobLimits(GB, 100), bound) for key in ("memory", "processes", "output")]
    assert found == [GB, 64, float("inf")]


def test_what_is_shared_may_take_what_the_largest_may() -> None:
    assert loosest([JobLimits(1, 2, 3), JobLimits(5, None, 1)]) == JobLimits(5, None, 3)
    assert loosest([JobLimits(1, 2, 3), NO_LIMITS]) == NO_LIMITS


def test_a_job_may_ask_for_less_or_equal() -> None:
    bound = JobLimits(memory_bytes=16 * GB, output_bytes=GB)
    assert allows(bound, JobLimits(16 * GB, 9999, GB)) and allows(bound, NO_LIMITS)
    assert allows(NO_LIMITS, JobLimits(memory_bytes=2**60))
    assert list(beyond(bound, JobLimits(16 * GB + 1, 1, GB + 1))) == ["memory", "output"]


def test_they_are_told_in_short_units() -> None:
    assert told(JobLimits(16 * GB, 64, 1 << 20)) == "memory 16 GB, processes 64, output 1.049 MB"
    assert told(JobLimits(output_bytes=512)) == "output 512 B"
    assert told(NO_LIMITS) == "none"
