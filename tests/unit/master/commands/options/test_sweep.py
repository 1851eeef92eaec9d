"""The flags that say which jobs there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.commands import analyze_jobs
from master.commands.options import run_two_phase
from master.intake.sweeps.flags import document_of


def test_all_flags_are_taken() -> None:
    words = (
        "--zip a=1,2 --zip b=3,4 --sample c=uniform:0,1 --draws 5 --draw-seed 2 --exclude a=1,b=3 --set d=x"
    )
    sweep = run_two_phase.parse(words.split()).sweep
    assert document_of(sweep).value == {
        "set": {"d": "x"},
        "zip": {"a": [1, 2], "b": [3, 4]},
        "sample": {"n": 5, "seed": 2, "fields": {"c": {"uniform": [0, 1]}}},
        "exclude": [{"a": [1], "b": [3]}],
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "no jobs: give --jobs-config, or a sweep such as --grid"),
        ("--grid lr", "`lr` has no name"),
        ("--grid lr=4..1", "runs backwards"),
        ("--grid lr=1 --grid lr=2", "--grid lr is given twice"),
        ("--sample lr=uniform:0,1", "--draws how often"),
        ("--set a=1 --draws 3", "--draws how often"),
        ("--sample lr=0.1 --draws 3", "is not like lr=log_uniform"),
    ],
)
def test_what_cannot_be_is_told(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_two_phase.parse(words.split())
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_analyze_jobs_takes_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze_jobs.main(["--grid", "lr=1,2", "--grid", "seed=0..4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == 10
    (tmp_path / "jobs.json").write_text('[{"x": 1}, {"x": 2}]')
    assert analyze_jobs.main([str(tmp_path / "jobs.json"), "--grid", "seed=0..4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == 10
    with pytest.raises(SystemExit):
        analyze_jobs.main([])
    assert "no jobs: give a jobs file" in capsys.readouterr().err
