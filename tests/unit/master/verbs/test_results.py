"""`twophase results`."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from master.core.explaining.planned import plan_record
from master.core.planning.plan import Job, Plan
from master.core.running.lifecycle import State, Trigger
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.verbs.results import main
from tests.unit.master.verbs.conftest import moved
from tests.unit.master.verbs.published import as_published

F1 = {(0.1, 1): 0.5, (0.1, 2): 0.6, (0.2, 1): 0.7, (0.2, 2): 0.9}
FIELDS = {f"lr={lr}/{seed}": {"lr": lr, "seed": seed} for lr, seed in [*F1, (0.3, 1)]}


@pytest.fixture
def search(tmp_path: Path) -> Path:
    """Return the directory of a search: four jobs have succeeded, one has failed."""
    layout = RunLayout(tmp_path / "run")
    with closing(Journal(layout.journal, "the-run")) as journal:
        journal.remember_jobs({name: name for name in FIELDS}, FIELDS)
        journal.remember_plan(plan_record(Plan(tuple(Job(name, phase=2) for name in FIELDS), {}), {}))
        for (lr, seed), f1 in F1.items():
            job_id = f"lr={lr}/{seed}"
            journal.append([moved(3.0, job_id, Trigger.COLLECT, State.SUCCEEDED)])
            layout.result(job_id).mkdir(parents=True)
            (layout.result(job_id) / "metrics.json").write_text(json.dumps({"f1": f1, "val_loss": 1 - f1}))
        journal.append([moved(3.0, "lr=0.3/1", Trigger.FAIL, State.FAILED)])
    return layout.root


def test_the_best_group_is_first_and_what_failed_is_counted(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--run", str(search), "--metrics", "f1"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["lr", "f1", "n"],
        ["0.2", "0.8000", "±", "1.2706", "2"],
        ["0.1", "0.5500", "±", "0.6353", "2"],
        ["0.3", "–", "0,", "2", "missing"],
    ]


def test_json_is_as_it_is_published(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", str(search), "--json", "--by", "val_loss", "--baseline", "lr=0.1"]) == 0
    printed = as_published("results", capsys.readouterr().out)
    first, second, _ = printed["groups"]
    assert printed["ascending"] is True and first["parameters"] == {"lr": 0.2}
    assert first["metrics"]["val_loss"]["mean"] == pytest.approx(0.2)
    assert first["difference"]["mean"] == pytest.approx(-0.25) and second["difference"] is None


def test_each_job_is_a_line_where_nothing_is_averaged_over(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--over", "none", "--format", "csv", "--where", "lr=2e-1", "--greatest"]
    assert main(["--run", str(search), *words]) == 0
    records = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(record["seed"], record["f1.mean"]) for record in records] == [("2", "0.9"), ("1", "0.7")]


@pytest.mark.parametrize(
    ("form", "begins"), [("markdown", "| lr | f1 |"), ("html", "<!doctype html>"), ("parquet", "PAR1")]
)
def test_a_file_is_written_whole(form: str, begins: str, search: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert main(["--run", str(search), "--format", form, "--output", str(target)]) == 0
    assert target.read_bytes().decode("latin-1").startswith(begins)


def test_the_name_of_a_file_says_its_format(search: Path, tmp_path: Path) -> None:
    target = tmp_path / "all.CSV"
    assert main(["--run", str(search), "--over", "none", "--output", str(target)]) == 0
    assert {"f1.mean", "lr"} <= set(target.read_text().splitlines()[0].split(","))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--by", "f2"], "--by: no job left a metric `f2`: allowed are f1, val_loss"),
        (["--metrics", "f1,los"], "--metrics: no job left a metric `los`"),
        (["--where", "lrr=1"], "no job has the field `lrr`: did you mean `lr`?"),
        (["--where", "lr=7"], "no experiment is like that: `twophase ps` lists what there is"),
        (["--baseline", "lr=7"], "--baseline: no groups have lr=7"),
        (["--over", "sed"], "--over: no job has the field `sed`: did you mean `seed`?"),
        (["--format", "parquet"], "--format parquet: give --output FILE"),
        (["--format", "csv", "--output", "/proc/no/such"], "--output /proc/no/such: "),
        (["--output", "all.xlsx"], "its name ends in none of .txt, .csv, .md, .html, .parquet: say --format"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], says: str, search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--run", str(search), *words]) == 2
    told = capsys.readouterr()
    assert says in told.err.splitlines()[0] and told.out == ""


def test_parquet_takes_fields_of_several_types(tmp_path: Path) -> None:
    fields = {
        "a": {"batch": 32, "amp": True},
        "b": {"batch": "auto", "amp": 1},
        "c": {"batch": 2**70, "amp": None},
    }
    layout = RunLayout(tmp_path / "run")
    with closing(Journal(layout.journal, "the-run")) as journal:
        journal.remember_jobs({name: name for name in fields}, fields)
        journal.remember_plan(plan_record(Plan(tuple(Job(name, phase=2) for name in fields), {}), {}))
    target = tmp_path / "out.parquet"
    words = ["--run", str(layout.root), "--format", "parquet", "--output", str(target)]
    assert main(words) == 0 and target.stat().st_size


def test_results_without_metrics_say_so(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", str(search), "--where", "lr=3e-1"]) == 0
    assert "no job has metrics yet" in capsys.readouterr().err


def test_a_result_that_is_not_json_is_one_line_and_the_rest_is_shown(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = RunLayout(search)
    for job_id in ("lr=0.1/1", "lr=0.1/2"):
        (layout.result(job_id) / "metrics.json").write_text("{nan")
    assert main(["--run", str(search), "--metrics", "f1"]) == 1
    shown = capsys.readouterr()
    assert shown.err == "twophase results: lr=0.1/1 and 1 more: metrics.json is not JSON\n"
    assert "0.2  0.8000 ± 1.2706  2" in shown.out


def test_logs_of_training_libraries_are_read(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = RunLayout(search)
    for (lr, seed), f1 in F1.items():
        result = layout.result(f"lr={lr}/{seed}")
        (result / "metrics.csv").write_text(f"epoch,val_f1\n0,{f1}\n1,{f1 / 2}\n")
    assert main(["--run", str(search), "--source", "csv", "--metrics", "best_val_f1,val_f1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == [
        *("0.2", "0.8000", "±", "1.2706", "0.4000", "±", "0.6353", "2"),
    ]


def test_the_page_can_be_sorted_and_needs_no_network(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--run", str(search), "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert "<th><button>lr</button></th>" in page and "<script>" in page
    assert "http" not in page and "src=" not in page
