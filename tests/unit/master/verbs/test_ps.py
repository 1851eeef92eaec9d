"""`twophase ps`."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from master import steady_clock
from master.core.running.lifecycle import State, Trigger
from master.runs.control import place
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.verbs import ps
from master.verbs.ps import main
from tests.unit.master.verbs.conftest import moved
from tests.unit.master.verbs.published import as_published


def test_what_failed_comes_first_and_all_are_counted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", str(run)]) == 0
    head, *lines, end, no_master = capsys.readouterr().out.splitlines()
    assert head.split() == ["STATE", "TIME", "TRIES", "WORKER", "JOB", "WHY"]
    assert [line.split()[0] for line in lines] == ["failed", "running", "pending", "pending", "succeeded"]
    assert lines[0].endswith("alpha/lr=0.1                                  out of luck")
    assert end == "5 of 5 jobs; 1 failed, 1 running, 2 pending, 1 succeeded"
    assert no_master.startswith(
        "no master of this machine works in this run; the last that one wrote was at "
    )
    assert no_master.endswith(": the same command as before goes on with it")


def test_a_dead_master_is_told_to_programs_and_one_that_works_is_not_called_dead(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--run", str(run), "--json"]) == 0
    told = as_published("ps", capsys.readouterr().out)["master"]
    assert (told["works"], told["as_of"]) == (False, "1970-01-01T00:00:09.000+00:00")
    assert told["says"].startswith("no master of this machine works in this run")
    with place.listening(RunLayout(run)):
        assert main(["--run", str(run)]) == 0
    assert "no master" not in capsys.readouterr().out


def test_a_run_that_has_ended_needs_no_master() -> None:
    assert ps.Listing("r", {"succeeded": 2, "running": 0}, 2, [], None, is_working=False).no_master == ""
    assert ps.Listing("r", {"pending": 2}, 2, [], None, is_working=False).no_master == (
        "no master of this machine works in this run: the same command as before goes on with it"
    )


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--failed"], ["alpha/lr=0.1"]),
        (["--state", "running,failed"], ["alpha/lr=0.1", "alpha/plain"]),
        (["--where", "lr=1e-1"], ["alpha/lr=0.1", "alpha/plain"]),
        (["--where", "lr=1e-1", "--where", "seed=1"], ["alpha/lr=0.1"]),
        (["--where", "amp=1"], []),
        (["--where", "amp=true"], ["alpha/lr=0.1"]),
        (["--sort", "job", "--reverse", "--limit", "1"], ["base_models/" + "b" * 32]),
        (["--sort", "duration", "--state", "failed,succeeded"], ["alpha/lr=0.1", "base_models/" + "a" * 32]),
    ],
)
def test_jobs_are_chosen_and_sorted(
    words: list[str], ids: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--run", str(run), "--json", *words]) == 0
    printed = as_published("ps", capsys.readouterr().out)
    assert [job["job_id"] for job in printed["jobs"]] == ids
    assert printed["counts"] == {"failed": 1, "running": 1, "pending": 2, "succeeded": 1}


def test_a_job_is_told_as_it_stands(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--run", str(run), "--json", "--failed"])
    (job,) = as_published("ps", capsys.readouterr().out)["jobs"]
    assert job["parameters"] == {"lr": 0.1, "seed": 1, "amp": True} and job["spec_hash"] == "a" * 32
    assert (job["duration_seconds"], job["exit_code"], job["since"]) == (
        2.0,
        1,
        "1970-01-01T00:00:07.000+00:00",
    )


def test_what_is_not_shown_is_counted(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--run", str(run), "--limit", "2"])
    assert "… and 3 more: --limit 0 shows all" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--where", "lrr=1"], "no job has the field `lrr`: did you mean `lr`?"),
        (["--where", "lr"], "`lr` has no name"),
        (["--state", "done"], "done is no state: allowed are failed, blocked"),
        (["--state", "runing"], "runing is no state: did you mean running?"),
        (["--sort", "loss"], "argument --sort: `loss` is unknown: allowed are job, since"),
        (["--sort", "workr"], "argument --sort: `workr` is unknown: did you mean `worker`?"),
        (["--fialed"], "unrecognized arguments: --fialed: did you mean --failed?"),
        (["--limit", "-1"], "whole number (0 or more)"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], says: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["--run", str(run), *words])
    except SystemExit as ended:
        code = int(str(ended.code))
    told = capsys.readouterr()
    assert code == 2 and says in told.err.splitlines()[0] and told.out == ""


LEFT = {"low_s": 60.0, "middle_s": 90.0, "high_s": 180.0}


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (None, "1 succeeded"),
        ({"base_models": None, "experiments": None}, "1 succeeded"),
        ({"base_models": LEFT, "experiments": LEFT}, "1 succeeded; 1m–3m left"),
        ({"base_models": LEFT, "experiments": None}, "1 succeeded; of the base models 1m–3m left"),
        ({"base_models": LEFT, "experiments": dict.fromkeys(LEFT, 0.0)}, "1 succeeded"),
    ],
)
def test_a_master_tells_how_much_time_is_left(
    told: dict[str, Any] | None,
    end: str,
    run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ps, "_time_left", lambda layout: told)
    monkeypatch.setattr(place, "is_working", lambda layout: True)
    assert main(["--run", str(run)]) == 0
    assert capsys.readouterr().out.strip().endswith(end)
    assert main(["--run", str(run), "--json"]) == 0
    assert as_published("ps", capsys.readouterr().out)["time_left"] == told


@pytest.mark.parametrize("jump_s", [-7200.0, 7200.0])
def test_setting_the_clock_while_a_run_goes_on_changes_no_duration(
    jump_s: float, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = steady_clock.now() - 90.0
    with closing(Journal(RunLayout(run).journal)) as journal:
        journal.new_epoch()
        journal.append([moved(started, "alpha/plain", Trigger.START, State.RUNNING)])
    wall = time.time()
    monkeypatch.setattr(time, "time", lambda: wall + jump_s)
    assert main(["--run", str(run), "--state", "running"]) == 0
    assert " 1m3" in capsys.readouterr().out
