"""What transitions say, and how bursts are folded."""

from __future__ import annotations

from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.view.lines import Folder, Kind, Line, line_of
from tests.support.scripted_run import ScriptedRun, jobs_spec


class Listener:
    """Keeps what each transition says when it happens."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def transition(self, transition: Transition, state: RunState) -> None:
        line = line_of(transition, state.jobs[transition.job_id])
        if line:
            self.said.append(line.text)


def test_the_story_of_a_run() -> None:
    listener = Listener()
    run = ScriptedRun(
        jobs_spec(1, 1), ["lab1"], watcher=listener, policy=Policy(retries=1, backoff_s=0, lease_s=10)
    )
    run.up("lab1", 1)
    run.start("0")
    run.succeed("0", seconds=75)
    run.start("job0")
    run.tell(ev.WorkerLost(run.at, "lab1", "timed out"))
    run.tell(ev.Tick(run.at + 11))
    run.up("lab1", 1)
    run.start("job0")
    run.fail("job0", "no \x1b[31mmemory")
    run.start("job0")
    run.fail("job0", "exit code 1", stderr_tail="Traceback\nMemoryError: no room\n\n")
    assert listener.said == [
        "started   base model 000000000000 on lab1",
        "finished  base model 000000000000 on lab1 in 1m15s",
        "started   alpha/job0 on lab1",
        "retrying  alpha/job0: try 1 on lab1: lost: lab1 has been silent for too long",
        "started   alpha/job0 on lab1 (try 2)",
        "retrying  alpha/job0: try 2 on lab1: failed: no memory",
        "started   alpha/job0 on lab1 (try 3)",
        "FAILED    alpha/job0 on lab1: failed 2 times: exit code 1 (MemoryError: no room)",
    ]


def test_what_a_job_left_running_is_named() -> None:
    listener = Listener()
    run = ScriptedRun(jobs_spec(1, 0), ["lab1"], watcher=listener)
    run.up("lab1", 1)
    run.succeed("job0", seconds=75, left_running=["sleep 600", "python serve.py"])
    left = "ended what it left running: sleep 600, python serve.py"
    assert listener.said == [
        "started   alpha/job0 on lab1",
        f"finished  alpha/job0 on lab1 in 1m15s; {left}",
    ]


def test_blocked_and_cancelled_jobs_are_told() -> None:
    listener = Listener()
    run = ScriptedRun(jobs_spec(3, 1), ["lab1"], watcher=listener)
    run.up("lab1", 1)
    run.fail("0", "no data")
    told = ["started", "FAILED", "blocked", "blocked", "blocked"]
    assert [text.split()[0] for text in listener.said] == told


def lines(kind: Kind, number: int, at: float = 0.0) -> list[Line]:
    return [Line(at, kind, f"{kind.value} {index}") for index in range(number)]


def test_few_lines_all_pass() -> None:
    assert Folder().take(lines(Kind.FINISHED, 20), at=0.0) == lines(Kind.FINISHED, 20)


def test_of_a_burst_problems_are_shown_and_the_rest_counted() -> None:
    folder = Folder()
    shown = folder.take(
        [*lines(Kind.FINISHED, 400), *lines(Kind.FAILED, 5), *lines(Kind.STARTED, 50)], at=10.0
    )
    assert [line.kind for line in shown].count(Kind.FAILED) == 5
    assert [line.kind for line in shown].count(Kind.FINISHED) == 15
    assert shown[-1].text == "… and 385 more finished, 50 more started"


def test_shown_lines_are_in_the_order_of_their_times() -> None:
    shown = Folder().take(
        [Line(3.0, Kind.FAILED, "c"), Line(1.0, Kind.STARTED, "a"), Line(2.0, Kind.NOTE, "b")], 3.0
    )
    assert [line.text for line in shown] == ["a", "b", "c"]


def test_at_most_the_allowed_lines_a_second_over_any_length_of_time() -> None:
    folder = Folder(per_s=20)
    shown = [line for tick in range(40) for line in folder.take(lines(Kind.FINISHED, 2500), at=tick / 4)]
    counts = [line for line in shown if line.kind is Kind.NOTE]
    assert len(shown) - len(counts) <= 20 + 10 * 20
    assert len(counts) <= 11
    told = sum(int(line.text.split()[2].replace(",", "")) for line in [*counts, *folder.rest(at=10.0)])
    assert told + len(shown) - len(counts) == 40 * 2500


def test_without_a_limit_nothing_is_folded() -> None:
    folder = Folder(per_s=None)
    assert len(folder.take(lines(Kind.STARTED, 5000), at=0.0)) == 5000
    assert folder.rest(at=1.0) == []


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    folder = Folder(per_s=20)
    folder.take(lines(Kind.STARTED, 15), at=1000.0)
    assert len(folder.take(lines(Kind.STARTED, 10), at=0.0)) <= 6
