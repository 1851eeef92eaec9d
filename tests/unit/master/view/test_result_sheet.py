"""The table of all results as a file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from master.core.running.lifecycle import State
from master.core.running.summary import JobRow
from master.storage.result_records import earlier_results
from master.storage.run_layout import RunLayout, sheet_of
from master.view.result_sheet import sheet, write_sheet
from tests.support.scripted_run import ScriptedRun, jobs_spec

ROW = JobRow("alpha/a", 2, State.SUCCEEDED, 1, 1, "lab1", "", slot="gpu0", duration_s=1.23456)
FAILED = replace(ROW, job_id="alpha/b", state=State.FAILED, error='=cmd, "x"', attempts=2, duration_s=None)


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_fields_stand_beside_metrics() -> None:
    configs = {
        "alpha/a": {"epochs": 3, "lr": 1e-3, "opt": "adam", "betas": [0.9, 0.99], "amp": True},
        "alpha/b": {"epochs": 3, "lr": 0.1, "opt": "sgd", "wd": None},
    }
    metrics = {"alpha/a": {"loss": 0.25, "lr": 7.0, "f1": 1.0}}
    text = sheet([ROW, FAILED], configs, metrics, {"alpha/a": "0a1b2c3d"})
    assert cells(text) == [
        [*("job", "state", "lr", "opt", "betas", "amp", "wd", "loss", "metrics.lr", "f1"), *LAST],
        [*("alpha/a", "succeeded", "0.001", "adam", "0.9+0.99", "true", ""), *("0.25", "7.0", "1.0"), *DONE],
        [
            *("alpha/b", "failed", "0.1", "sgd", "", "", "null", "", "", ""),
            *("", "lab1", "gpu0", "2", ""),
            '\'=cmd, "x"',
        ],
    ]


LAST = ("seconds", "worker", "slot", "attempts", "code", "error")
DONE = ("1.235", "lab1", "gpu0", "1", "0a1b2c3d", "")


def test_fields_that_were_asked_for_are_columns_with_one_value_too() -> None:
    configs = {"alpha/a": {"epochs": 3, "seed": 5}, "alpha/b": {"epochs": 3, "seed": 5}}
    heading, first, *_ = cells(sheet([ROW, FAILED], configs, {}, asked_for={"seed", "gone"}))
    assert (heading[:3], first[:3]) == (["job", "state", "seed"], ["alpha/a", "succeeded", "5"])


def test_earlier_results_stay_in_the_table(tmp_path: Path) -> None:
    run, layout = ScriptedRun(jobs_spec(2, 1), ["lab1"]), RunLayout(tmp_path)
    result = layout.result("alpha/early")
    result.mkdir(parents=True)
    (result / "metrics.json").write_text('{"loss": 0.5}')
    (result / "job.json").write_text(
        '{"job_id": "alpha/early", "parameters": {"lr": 9}, "code": {"digest": "script:0123456789"}}'
    )
    earlier = earlier_results(layout, ["alpha/early"])
    assert list(write_sheet(run.state, layout, jobs_spec(2, 1), {}, earlier)) == []
    heading, *rows = cells(sheet_of(layout.phase2_log).read_text())
    early = dict(zip(heading, rows[-1], strict=True))
    assert len(rows) == 3
    assert (early["job"], early["state"], early["lr"]) == ("alpha/early", "succeeded", "9")
    assert (early["loss"], early["code"]) == ("0.5", "01234567")


def test_no_jobs_are_a_heading() -> None:
    assert cells(sheet([], {}, {})) == [["job", "state", *LAST]]


def test_the_table_is_written_or_told_of(tmp_path: Path) -> None:
    run, layout = ScriptedRun(jobs_spec(4, 2), ["lab1"]), RunLayout(tmp_path)
    assert list(write_sheet(run.state, layout, jobs_spec(4, 2), {})) == []
    assert len(sheet_of(layout.phase2_log).read_text().splitlines()) == 5
    (tmp_path / "file").touch()
    (told,) = write_sheet(run.state, RunLayout(tmp_path / "file"), jobs_spec(4, 2), {})
    assert "phase2_experiments.csv cannot be written: File exists" in told
