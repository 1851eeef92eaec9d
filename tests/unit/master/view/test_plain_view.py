"""The lines of the plain view."""

from __future__ import annotations

from io import BytesIO, StringIO, TextIOWrapper

from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.view.plain import PlainView
from tests.support.scripted_run import ScriptedRun, jobs_spec


def view_and_stream(quiet: bool = False) -> tuple[PlainView, StringIO]:
    stream = StringIO()
    return PlainView(stream, quiet=quiet, clock=lambda: 1000.0), stream


def story(view: PlainView) -> ScriptedRun:
    """A run in which one job succeeds, one fails, and a worker is of no use."""
    run = ScriptedRun(jobs_spec(3, 0), ["lab1", "lab2"], watcher=view)
    run.tell(ev.WorkerUnusable(run.at, "lab2", "Permission\x1b[2J denied"))
    view.note("lab2 is not usable")
    run.up("lab1", 2)
    view.refresh(run.state, run.at)
    run.start("job0")
    run.succeed("job0", seconds=5)
    run.start("job1")
    run.fail("job1", "no data", seconds=5)
    view.refresh(run.state, run.at)
    return run


def test_each_line_has_its_time() -> None:
    view, stream = view_and_stream()
    story(view)
    assert stream.getvalue().splitlines() == [
        "1970-01-01 00:16:40  lab2 is not usable",
        "1970-01-01 00:16:40  started   alpha/job0 on lab1",
        "1970-01-01 00:16:45  finished  alpha/job0 on lab1 in 5.0s",
        "1970-01-01 00:16:45  started   alpha/job1 on lab1",
        "1970-01-01 00:16:50  FAILED    alpha/job1 on lab1: failed: no data",
    ]


def test_every_half_minute_it_says_where_the_run_stands() -> None:
    view, stream = view_and_stream()
    run = story(view)
    view.refresh(run.state, 1029.9)
    before = stream.getvalue()
    view.refresh(run.state, 1030.0)
    added = stream.getvalue().removeprefix(before)
    assert added == (
        "1970-01-01 00:17:10  experiments 1/3 done, 1 failed, 2s–9s left;"
        " nothing runs: alpha/job2 is queued on lab1, which has not started it yet\n"
    )
    view.refresh(run.state, 1045.0)
    assert stream.getvalue() == before + added


def test_both_phases_are_in_the_summary() -> None:
    view, stream = view_and_stream()
    run = ScriptedRun(jobs_spec(3, 1), ["lab1"], watcher=view)
    view.refresh(run.state, 1000.0)
    view.refresh(run.state, 1030.0)
    assert stream.getvalue().endswith(
        "base models 0/1 done; experiments 0/3 done; nothing runs: base model 000000000000 finds no worker"
        " now: lab1 is being connected\n"
    )


def test_closing_tells_what_is_left_and_may_be_repeated() -> None:
    view, stream = view_and_stream()
    run = story(view)
    run.start("job2")
    view.note("bye")
    view.close()
    view.close()
    assert stream.getvalue().count("bye") == 1
    assert "started   alpha/job2" in stream.getvalue()
    end = stream.getvalue().splitlines()[-1]
    assert end.endswith("experiments 1/3 done, 1 running, 1 failed, 2s–9s left")


def test_notes_are_told_even_if_the_run_never_began() -> None:
    view, stream = view_and_stream()
    view.note("no \x1b[31msuch\nhost")
    view.close()
    assert stream.getvalue() == "1970-01-01 00:16:40  no such host\n"


def test_quiet_tells_problems_only() -> None:
    view, stream = view_and_stream(quiet=True)
    run = story(view)
    view.refresh(run.state, 5000.0)
    view.close()
    assert [line[21:] for line in stream.getvalue().splitlines()] == [
        "lab2: Permission denied",
        "FAILED    alpha/job1 on lab1: failed: no data",
    ]


def test_quiet_tells_of_a_lost_worker_each_time_that_it_is_lost() -> None:
    view, stream = view_and_stream(quiet=True)
    run = ScriptedRun(jobs_spec(3, 0), ["lab1"], watcher=view)
    for _ in range(2):
        run.up("lab1", 1)
        view.refresh(run.state, run.at)
        run.tell(ev.WorkerLost(run.at, "lab1", "timed out"))
        view.refresh(run.state, run.at)
        view.refresh(run.state, run.at)
    assert [line[21:] for line in stream.getvalue().splitlines()] == ["lab1: timed out"] * 2


def test_thousands_of_jobs_become_a_few_lines() -> None:
    view, stream = view_and_stream()
    run = ScriptedRun(jobs_spec(1500, 0), ["lab1"], watcher=view, policy=Policy())
    run.up("lab1", 1500)
    view.refresh(run.state, run.at)
    for number in range(1500):
        run.succeed(f"job{number}", seconds=0.0)
    view.refresh(run.state, run.at)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[-1].endswith("… and 1,480 more finished, 1,500 more started")


def test_a_reader_that_has_gone_does_not_end_the_run() -> None:
    view, stream = view_and_stream()
    run = story(view)
    stream.close()
    run.start("job2")
    view.refresh(run.state, run.at)
    view.close()
    assert run.job("job2").state is State.RUNNING


def test_a_stream_that_cannot_write_a_character_gets_another() -> None:
    raw = BytesIO()
    view = PlainView(TextIOWrapper(raw, encoding="latin-1"), clock=lambda: 0.0)
    view.note("Grüße … 日本")
    view.close()
    assert raw.getvalue().decode("latin-1") == "1970-01-01 00:00:00  Grüße ? ??\n"
