"""What people are told of a run."""

from __future__ import annotations

from master.core.running.lifecycle import Trigger
from master.core.running.policy import Policy
from master.notify.messages import (
    LAST_LINES,
    MOST_CHARACTERS,
    Message,
    last_lines,
    of_end,
    of_failure,
    of_workers,
)
from tests.support.scripted_run import ScriptedRun, jobs_spec

PLACE = "/data/run on head"


def run(jobs: int = 3, **policy: int) -> ScriptedRun:
    found = ScriptedRun(jobs_spec(jobs, 0), ["lab1"], policy=Policy(**{"retries": 0, **policy}))
    found.up("lab1", jobs)
    for number in range(jobs):
        found.start(f"job{number}")
    return found


def failure(found: ScriptedRun, name: str = "job0") -> Message:
    return of_failure(found.state, found.job(name), PLACE)


def test_a_failure_says_which_where_why_and_how_the_log_ends() -> None:
    found = run()
    found.fail("job0", "exit code 1", stderr_tail="begin\n\x1b[31mValueError: x\x1b[0m\n\n")
    told = failure(found)
    assert told.title == "alpha/job0 failed"
    assert told.text.splitlines()[0].endswith("(on lab1:gpu0, after 10s)")
    assert "begin\nValueError: x\n" in told.text
    assert "2 jobs of 3 not ended yet." in told.text and told.text.endswith(PLACE)
    assert told.more["job"] == "alpha/job0" and told.more["worker"] == "lab1"


def test_last_lines_are_few_and_hold_nothing_that_a_terminal_obeys() -> None:
    assert last_lines("\n".join(map(str, range(99)))).split() == [str(n) for n in range(99 - LAST_LINES, 99)]
    assert last_lines("10%\r20%\ra\x07b\r\n" + "c" * 9000) == "ab\n" + "c" * 300 + "…"
    assert len(last_lines(("d" * 299 + "\n") * 20)) < MOST_CHARACTERS


def test_a_chat_takes_each_text() -> None:
    found = run()
    found.fail("job0", "e" * 5000, stderr_tail="f" * 50_000)
    assert len(failure(found).text) <= MOST_CHARACTERS + 1


def test_the_end_says_what_came_of_the_jobs() -> None:
    found = run()
    found.fail("job0", "exit code 1", stderr_tail="no such file")
    found.fail("job1", "exit code 1", stderr_tail="no such file")
    found.succeed("job2")
    told = of_end(found.state, 1, 65.0, PLACE)
    assert told.title == "the run has ended: 2 of 3 jobs failed"
    assert told.text.startswith("1 succeeded, 2 failed, after 1m05s.")
    assert "alpha/job0 and 1 more: " in told.text and "no such file" in told.text
    assert told.more == {"exit_code": 1, "seconds": 65.0, "jobs": {"failed": 2, "succeeded": 1}}


def test_an_end_without_failures_says_so_at_once() -> None:
    found = run(1)
    found.succeed("job0")
    assert of_end(found.state, 0, 1.0, PLACE).title == "the job succeeded"
    found = run(2)
    found.succeed("job0")
    found.succeed("job1")
    told = of_end(found.state, 0, 1.0, PLACE)
    assert told.title == "all 2 jobs succeeded" and "goes on" not in told.text


def test_an_end_at_which_some_were_pruned_says_so() -> None:
    found = run(2)
    found.succeed("job0")
    found.state.move(found.job("job1"), Trigger.SHELVE)
    told = of_end(found.state, 0, 1.0, PLACE)
    assert told.title == "1 of 2 jobs succeeded, the others were pruned"
    assert told.text.startswith("1 succeeded, 1 pruned, after ")


def test_an_end_that_leaves_jobs_says_how_to_go_on() -> None:
    found = run()
    found.succeed("job0")
    titles = {code: of_end(found.state, code, 1.0, PLACE).title for code in (None, 4, 130)}
    assert titles == {
        None: "the run was ended by an error",
        4: "the run has no usable worker",
        130: "the run was stopped: 1 of 3 jobs succeeded",
    }
    assert "The same command goes on." in of_end(found.state, 130, 1.0, PLACE).text


def test_a_halted_run_says_why() -> None:
    found = run()
    found.state.halted = "3 jobs failed alike"
    assert "Halted: 3 jobs failed alike." in of_end(found.state, 1, 1.0, PLACE).text


def test_the_ways_to_fail_are_few() -> None:
    found = run(9)
    for number in range(9):
        found.fail(f"job{number}", f"error {number}")
    assert "… and 4 other ways to fail" in of_end(found.state, 1, 1.0, PLACE).text


def test_lost_workers_are_one_message() -> None:
    found = ScriptedRun(jobs_spec(1, 0), [f"lab{n}" for n in range(5)])
    found.up("lab4", 1)
    views = list(found.state.workers.values())[:4]
    views[0].usable, views[0].reason = False, "disk\nfull"
    told = of_workers(views, found.state, PLACE)
    assert told.title == "lab0, lab1, lab2 and 1 more are lost"
    assert "lab0: cannot be used: disk full" in told.text
    assert "lab1: silent for 5m00s, its jobs go elsewhere: no answer" in told.text
    assert "1 of 5 workers can be used." in told.text
    assert of_workers(views[:1], found.state, PLACE).title == "lab0 is lost"
