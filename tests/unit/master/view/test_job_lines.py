"""What a run is going to do with each job, in words."""

from __future__ import annotations

from master.core.planning.outlook import PlannedJob
from master.view.job_lines import job_lines, print_jobs
from tests.unit.master.view.conftest import paper, written

FRESH = [PlannedJob("alpha/a", False, 0, "python train.py --lr 1"), PlannedJob("alpha/b", False, 0, "x")]
RESUMED = [PlannedJob("alpha/a", True, 1, "x"), PlannedJob("alpha/b", False, 2, "y --f"), *FRESH[1:]]


def test_a_first_start_says_nothing_of_earlier_ones() -> None:
    assert list(job_lines(FRESH, each=False)) == []


def test_each_job_has_a_line_of_its_own() -> None:
    assert list(job_lines(FRESH, each=True)) == ["alpha/a: python train.py --lr 1", "alpha/b: x"]


def test_a_later_start_tells_what_is_done() -> None:
    assert list(job_lines(RESUMED, each=True)) == [
        "Goes on with an earlier run: 1 done, 2 of 3 jobs will run, 1 begun before.",
        *("alpha/a: done", "alpha/b: y --f", "alpha/b: x"),
    ]


def test_a_line_is_whole_in_a_narrow_terminal() -> None:
    console = paper()
    console.width = 30
    print_jobs([PlannedJob("alpha/a", False, 0, "python " + "--flag " * 20)], each=True, console=console)
    assert written(console).count("\n") == 1
