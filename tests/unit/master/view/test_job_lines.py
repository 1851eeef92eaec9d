"""What a run is going to do with each job, in words."""

from __future__ import annotations

from master.core.planning.outlook import PlannedJob
from master.core.running.policy import Policy
from master.runs.launching import Limits
from master.view.job_lines import job_lines, print_jobs, print_settings, settings_text
from tests.unit.master.view.conftest import paper, written

FRESH = [PlannedJob("alpha/a", False, 0, "python train.py --lr 1"), PlannedJob("alpha/b", False, 0, "x")]
RESUMED = [PlannedJob("alpha/a", True, 1, "x"), PlannedJob("alpha/b", False, 2, "y --f"), *FRESH[1:]]


def test_a_first_start_says_nothing_of_earlier_ones() -> None:
    assert list(job_lines([], each=False)) == []
    assert list(job_lines(FRESH, each=False)) == ["alpha/a: python train.py --lr 1", "alpha/b: x"]


def test_of_many_jobs_the_first_two_and_the_last_are_shown() -> None:
    many = [PlannedJob(f"alpha/{number}", False, 0, f"--n {number}") for number in range(5)]
    assert list(job_lines(many, each=False)) == [
        *("alpha/0: --n 0", "alpha/1: --n 1", "… 2 more: --verbose shows all", "alpha/4: --n 4"),
    ]
    assert len(list(job_lines(many[:3], each=False))) == 3


def test_what_holds_for_all_jobs_is_told() -> None:
    console = paper()
    print_settings(Limits(900.0, None, "warm"), Policy(retries=1), console)
    assert "timeout 15m00s, no stall timeout, 1 further try, executor warm." in written(console)
    text = settings_text(Limits(None, 60.0), Policy(retries=0, max_running=1))
    assert text == "no timeout, stall timeout 1m00s, 0 further tries, executor process, one job at a time"
    assert settings_text(Limits(), Policy(peers=True)).endswith(
        ", executor process, base models from worker to worker, over a port for seconds"
    )


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


def test_what_was_cancelled_by_hand_is_not_going_to_run() -> None:
    jobs = [*RESUMED, PlannedJob("alpha/c", False, 1, "z", "by anna: too slow")]
    assert list(job_lines(jobs, each=True))[::4] == [
        "Goes on with an earlier run: 1 done, 2 of 4 jobs will run, 1 begun before, 1 cancelled by hand and"
        " kept so (--retry-cancelled).",
        "alpha/c: cancelled by anna: too slow",
    ]


def test_what_was_pruned_is_not_going_to_run_by_itself() -> None:
    jobs = [*RESUMED, PlannedJob("alpha/c", False, 1, "z", is_pruned=True)]
    assert list(job_lines(jobs, each=True))[::4] == [
        "Goes on with an earlier run: 1 done, 2 of 4 jobs will run, 1 begun before, 1 pruned.",
        "alpha/c: pruned, and goes on only where it comes to be among the best",
    ]
