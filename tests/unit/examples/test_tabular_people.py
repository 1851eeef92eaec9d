"""The example that leaves out each person: rows divided within people, jobs that the trainer takes."""

from __future__ import annotations

import csv
import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from master.code.trainer_manifest import find_trainer_manifest

_FILE = Path(__file__).parents[3] / "examples" / "tabular_people.py"


@pytest.fixture(scope="module")
def people() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tabular_people", _FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(people: ModuleType, folder: Path, file: Path, *words: str) -> int:
    output = ["--output", str(folder / "people.csv"), "--jobs", str(folder / "jobs.json")]
    code: int = people.main([str(file), "--person", "who", "--target", "y", *output, *words])
    return code


def test_rows_are_divided_within_each_person_and_jobs_leave_each_out(
    people: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{who},{place},{place * 0.5 + len(who)}" for who in ("anna", "bert") for place in range(30)]
    (tmp_path / "rows.csv").write_text("\n".join(["who,x,y", *rows, "carl,1,2"]))
    assert run(people, tmp_path, tmp_path / "rows.csv", "--tune-learning-rates", "1e-12", "1e-3") == 0
    assert "carl: left out, 1 rows are too few" in capsys.readouterr().out
    with (tmp_path / "people.csv").open() as stream:
        written = list(csv.DictReader(stream))
    assert Counter((row["who"], row["part"]) for row in written) == {
        (who, part): count
        for who in ("anna", "bert")
        for part, count in (("train", 18), ("val", 6), ("test", 6))
    }
    anna = [row for row in written if row["who"] == "anna"]
    assert [row["part"] for row in anna] == ["train"] * 18 + ["val"] * 6 + ["test"] * 6
    made = json.loads((tmp_path / "jobs.json").read_text())
    assert made["base_model"] is True and len(made["jobs"]) == 8
    flags = find_trainer_manifest("tabular").flags().by_name
    assert {*made["defaults"]} | {name for job in made["jobs"] for name in job} <= {*flags}


def test_classes_are_divided_each_by_themselves_and_arff_is_read(people: ModuleType, tmp_path: Path) -> None:
    head = [
        "@relation r",
        "@attribute who {1}",
        '@attribute "x" numeric',
        '@attribute y { "a" , "b" }',
        "@data",
    ]
    rows = [f'1,{place},"{"a" if place < 10 else "b"}"' for place in range(40)]
    (tmp_path / "rows.arff").write_text("\n".join([*head, *rows]))
    assert run(people, tmp_path, tmp_path / "rows.arff") == 0
    with (tmp_path / "people.csv").open() as stream:
        counts = Counter((row["y"], row["part"]) for row in csv.DictReader(stream))
    assert counts["a", "test"] == 2 and counts["b", "test"] == 6


def test_what_cannot_be_read_is_told(
    people: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n")
    assert run(people, tmp_path, tmp_path / "rows.csv") == 2
    assert "holds no rows" in capsys.readouterr().err
