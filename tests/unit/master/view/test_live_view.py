"""The live view, as a terminal would show it."""

from __future__ import annotations

import re

import pytest
from rich.console import Console, ConsoleDimensions

from master.core.running import events as ev
from master.runs.notices import Seen
from master.view.live import LiveView
from tests.support.scripted_run import ScriptedRun, jobs_spec
from tests.unit.master.view.conftest import terminal, written
from worker_agent.protocol.reports import Said

CLEARED = "\x1b[H\x1b[2J"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def shown(view: LiveView, run: ScriptedRun, width: int = 80, height: int = 24) -> list[str]:
    """Return the lines that the foot of the terminal would have."""
    page = Console(width=width, height=height, force_terminal=False, highlight=False, legacy_windows=False)
    with page.capture() as capture:
        page.print(view.render(run.state, run.at))
    return capture.get().splitlines()


def busy_run(view: LiveView, workers: int = 2, slots: int = 2) -> ScriptedRun:
    run = ScriptedRun(
        jobs_spec(workers * slots * 2, 0), [f"lab{n}.uni.org" for n in range(workers)], watcher=view
    )
    for worker in run.workers:
        run.up(worker, slots)
    for number in range(workers * slots):
        run.start(f"job{number}")
    view.refresh(run.state, run.at)
    return run


def test_a_line_for_each_busy_slot() -> None:
    view = LiveView(terminal())
    run = busy_run(view)
    said = Said("ignored", 12, 30, {"val_f1": 0.91})
    view.progress(Seen("lab0.uni.org", "alpha/job0", 1, said, "gpu1"))
    view.progress(Seen("lab0.uni.org", "alpha/job1", 1, Said("\x1b[31mloading [bold]data\r")))
    run.at += 41
    view.refresh(run.state, run.at)
    lines = shown(view, run)
    assert re.match(r"Experiments ─*━+─+ +0/8 done, 4 running$", lines[0])
    assert re.search(r"lab0 +gpu1 alpha/job0 +12/30 val_f1 0.9100 +41s *$", "\n".join(lines), re.MULTILINE)
    assert re.search(r"lab0 +alpha/job1 +loading \[bold\]data +41s *$", "\n".join(lines), re.MULTILINE)
    assert len(lines) == 1 + 1 + 4
    view.close()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 50), (80, 6), (20, 3)])
def test_it_is_never_higher_nor_wider_than_the_terminal(width: int, height: int) -> None:
    view = LiveView(terminal(width, height))
    run = busy_run(view, workers=30, slots=4)
    run.tell(ev.WorkerLost(run.at, "lab7.uni.org", "timed out " * 30))
    view.progress(Seen("lab0.uni.org", "alpha/job0", 1, Said("x" * 500)))
    view.refresh(run.state, run.at)
    lines = shown(view, run, width, height)
    assert len(lines) < height
    assert max(len(line.rstrip()) for line in lines) <= width - len("^C")
    view.close()


def test_what_does_not_fit_is_counted() -> None:
    view = LiveView(terminal(80, 24))
    run = busy_run(view, workers=30, slots=4)
    lines = shown(view, run)
    rows = [line for line in lines if "alpha/job" in line]
    assert lines[-1].strip() == f"+{120 - len(rows)} more"
    assert len(rows) >= 12
    view.close()


def test_ended_jobs_leave_and_workers_that_are_down_show_why() -> None:
    view = LiveView(terminal())
    run = busy_run(view)
    run.succeed("job0", seconds=5)
    run.fail("job1", "no data", seconds=5)
    run.tell(ev.WorkerUnusable(run.at, "lab1.uni.org", "Permission denied"))
    view.refresh(run.state, run.at)
    lines = shown(view, run)
    assert "1/8 done, 2 running, 1 failed" in lines[0]
    assert not any("alpha/job0" in line or "alpha/job1" in line for line in lines)
    assert lines[-1] == "lab1.uni.org: Permission denied"
    view.close()


def test_slots_are_in_the_order_of_the_cluster_config() -> None:
    view = LiveView(terminal())
    run = ScriptedRun(jobs_spec(4, 0), ["lab10", "lab9"], watcher=view)
    run.up("lab10", 2)
    run.up("lab9", 2)
    for number, slot in enumerate(("gpu10", "gpu9", "gpu10", "gpu9")):
        run.start(f"job{number}")
        view.progress(Seen("", f"alpha/job{number}", 1, Said(), slot))
    view.refresh(run.state, run.at)
    assert [line.split()[:2] for line in shown(view, run)[2:]] == [
        ["lab10", "gpu9"],
        ["lab10", "gpu10"],
        ["lab9", "gpu9"],
        ["lab9", "gpu10"],
    ]
    view.close()


def test_many_workers_that_are_down_are_counted() -> None:
    view = LiveView(terminal())
    run = ScriptedRun(jobs_spec(2, 0), [f"lab{n}" for n in range(10)], watcher=view)
    view.refresh(run.state, run.at)
    reason, *workers = shown(view, run)[1:]
    assert reason == "nothing runs: alpha/job0 finds no worker now: 10 are being connected"
    assert workers == [*(f"lab{n}: connecting" for n in range(4)), "+6 more workers not up"]
    view.close()


def test_both_phases_have_a_bar() -> None:
    view = LiveView(terminal())
    run = ScriptedRun(jobs_spec(4, 2), ["lab1"], watcher=view)
    run.up("lab1", 1)
    run.start("0")
    view.refresh(run.state, run.at)
    lines = shown(view, run)
    assert lines[0].startswith("Base models ") and lines[0].endswith("0/2 done, 1 running")
    assert lines[1].startswith("Experiments ") and lines[1].endswith("0/4 done")
    assert "base model 000000000000" in lines[3]
    view.close()


def test_what_an_attempt_says_before_it_is_known_to_run_is_kept() -> None:
    view = LiveView(terminal())
    run = ScriptedRun(jobs_spec(1, 0), ["lab1"], watcher=view)
    run.up("lab1", 1)
    view.progress(Seen("lab1", "alpha/job0", 1, Said(), "gpu3"))
    view.refresh(run.state, run.at)
    run.start("job0")
    view.refresh(run.state, run.at)
    assert re.match(r"lab1 +gpu3 alpha/job0 ", shown(view, run)[-1])
    view.close()


def test_what_a_former_attempt_says_is_not_shown() -> None:
    view = LiveView(terminal())
    run = ScriptedRun(jobs_spec(1, 0), ["lab1"], watcher=view)
    run.up("lab1", 1)
    run.start("job0")
    view.progress(Seen("lab1", "alpha/job0", 7, Said(epoch=99)))
    view.refresh(run.state, run.at)
    assert "99" not in shown(view, run)[-1]
    view.close()


def test_jobs_that_ran_before_the_view_began_are_shown() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["lab1"])
    run.up("lab1", 1)
    run.start("job0")
    view = LiveView(terminal())
    view.refresh(run.state, run.at)
    assert "alpha/job0" in shown(view, run)[-1]
    view.close()


def test_notes_and_problems_go_above_and_starts_do_not() -> None:
    console = terminal()
    view = LiveView(console, clock=lambda: 1000.0)
    run = busy_run(view)
    view.note("lab3 is up [bold]now")
    run.fail("job0", "no data")
    view.refresh(run.state, run.at)
    view.close()
    text = written(console)
    assert "00:16:40" in text and "lab3 is up [bold]now" in text
    assert "FAILED    alpha/job0 on lab0.uni.org: failed: no data" in text
    assert "started" not in text


def test_the_cursor_comes_back_and_closing_may_be_repeated() -> None:
    console = terminal()
    view = LiveView(console)
    busy_run(view)
    assert HIDE_CURSOR in written(console)
    assert SHOW_CURSOR not in written(console)
    view.close()
    view.close()
    assert written(console).count(SHOW_CURSOR) == 1
    assert "alpha/job" not in written(console).rsplit("Experiments", 1)[1]


def test_a_view_that_never_drew_leaves_the_terminal_alone() -> None:
    console = terminal()
    view = LiveView(console)
    view.close()
    assert HIDE_CURSOR not in written(console)


def test_a_terminal_that_is_resized_is_drawn_anew_with_the_last_notes() -> None:
    console = terminal(80, 24)
    view = LiveView(console)
    run = busy_run(view)
    view.note("a note to keep")
    view.refresh(run.state, run.at)
    view.refresh(run.state, run.at)
    assert CLEARED not in written(console)
    console.size = ConsoleDimensions(60, 20)
    view.refresh(run.state, run.at)
    _, drawn = written(console).split(CLEARED)
    assert "a note to keep" in drawn and "0/8 done" in drawn
    view.refresh(run.state, run.at)
    assert written(console).count(CLEARED) == 1
    view.close()
    assert written(console).rindex(SHOW_CURSOR) > written(console).rindex(HIDE_CURSOR)


def test_a_gpu_that_is_left_alone_says_so_as_long_as_it_is() -> None:
    view = LiveView(terminal())
    run = busy_run(view, workers=1, slots=1)
    run.tell(ev.SlotsHeldByOthers(run.at, "lab0.uni.org", 0.5, ("gpu0: in use by \x1b[31mbob",)))
    view.refresh(run.state, run.at)
    assert "lab0.uni.org: gpu0 is left alone: in use by bob" in "\n".join(shown(view, run))
    run.tell(ev.SlotsHeldByOthers(run.at, "lab0.uni.org", 0.0))
    view.refresh(run.state, run.at)
    assert "left alone" not in "\n".join(shown(view, run))
    view.close()
