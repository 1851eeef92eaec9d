"""What a run is going to do with each job, in words."""

from __future__ import annotations

from master.core.planning.outlook import PlannedTask
from master.view.task_lines import print_tasks, task_lines
from tests.unit.master.view.conftest import paper, written

FRESH = [PlannedTask("alpha/a", False, 0, "python train.py --lr 1"), PlannedTask("alpha/b", False, 0, "x")]
RESUMED = [PlannedTask("alpha/a", True, 1, "x"), PlannedTask("alpha/b", False, 2, "y --f"), *FRESH[1:]]


def test_a_first_start_says_nothing_of_earlier_ones() -> None:
    assert list(task_lines(FRESH, each=False)) == []


def test_each_job_has_a_line_of_its_own() -> None:
    assert list(task_lines(FRESH, each=True)) == ["alpha/a: python train.py --lr 1", "alpha/b: x"]


def test_a_later_start_tells_what_is_done() -> None:
    assert list(task_lines(RESUMED, each=True)) == [
        "Goes on with an earlier run: 1 done, 2 of 3 jobs will run, 1 begun before.",
        *("alpha/a: done", "alpha/b: y --f", "alpha/b: x"),
    ]


def test_a_line_is_whole_in_a_narrow_terminal() -> None:
    console = paper()
    console.width = 30
    print_tasks([PlannedTask("alpha/a", False, 0, "python " + "--flag " * 20)], each=True, console=console)
    assert written(console).count("\n") == 1
