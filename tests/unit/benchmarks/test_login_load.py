"""The benchmark of login hosts: spans are what came between two readings, and too much is told."""

from __future__ import annotations

import pytest

from benchmarks.login_load import Load, between, problems

CALLS = {"squeue": 2, "sbatch": 50, "srun": 50, "scancel": 0}


def test_a_span_is_what_came_between_two_readings() -> None:
    first, last = Load(100.0, 5.0, CALLS), Load(400.0, 6.5, {**CALLS, "squeue": 12})
    told = between(first, last).told()
    assert told["seconds"] == 300 and told["share_of_a_core"] == pytest.approx(0.005)
    assert (told["squeue"], told["sbatch"], told["squeue_a_minute"]) == (10, 0, 2.0)


@pytest.mark.parametrize(
    ("seconds", "cpu_s", "squeues", "sbatches", "told"),
    [
        (300.0, 2.9, 10, 50, []),
        (300.0, 3.1, 10, 50, ["more than 1% of a core"]),
        (300.0, 1.0, 11, 50, ["more than 2 squeue a minute"]),
        (300.0, 1.0, 10, 51, ["51 sbatch for 50 allocations"]),
    ],
)
def test_what_is_more_than_allowed_is_told(
    seconds: float, cpu_s: float, squeues: int, sbatches: int, told: list[str]
) -> None:
    while_run = Load(seconds, cpu_s, {**CALLS, "squeue": squeues}).told()
    whole = Load(seconds, cpu_s, {**CALLS, "sbatch": sbatches}).told()
    assert list(problems({"jobs run": while_run, "all": whole}, 50)) == told
