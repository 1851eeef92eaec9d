"""The command that asks a model: rows in, a table out; what the rows lack is told and nothing is written."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.unit.trainers.tabular.tables import columns, written
from tests.unit.trainers.tabular.test_run import quiet, request
from trainers.tabular.predict import main
from trainers.tabular.run import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    train(request(folder, {"seeds": [0, 1]}), quiet)
    return folder


def test_predictions_are_a_table(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [str(trained / "out" / "mlp"), str(trained / "rows.csv"), "--device", "cpu", "--keep", "person"]
    assert main(argv) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 120 and rows[-1]["person"] == "11"
    assert float(rows[0]["y_low_90"]) < float(rows[0]["y"]) < float(rows[0]["y_high_90"])
    assert float(rows[0]["y_spread"]) > 0


def test_true_values_that_are_kept_stay_beside_what_is_predicted(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(trained / "out"), str(trained / "rows.csv"), "--keep", "y", "a", "--device", "cpu"]) == 0
    heard = capsys.readouterr()
    rows = list(csv.DictReader(heard.out.splitlines()))
    assert [*rows[0]][:3] == ["y_given", "a", "y"]
    assert [float(row["y_given"]) for row in rows] == columns()["y"]
    assert "--keep y: is the column y_given" in heard.err


def test_the_output_of_one_model_is_enough_and_parquet_holds_the_same(trained: Path, tmp_path: Path) -> None:
    for name in ("p.csv", "p.parquet"):
        argv = [str(trained / "out"), str(trained / "rows.csv"), "--output", str(tmp_path / name)]
        assert main([*argv, "--device", "cpu"]) == 0
    table = pq.read_table(tmp_path / "p.parquet").to_pydict()
    with (tmp_path / "p.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["y"]) for row in rows] == table["y"]


def test_products_can_be_rounded(trained: Path, tmp_path: Path) -> None:
    said = {}
    for precision in ("float32", "bfloat16"):
        path = tmp_path / f"{precision}.csv"
        words = ["--precision", precision, "--output", str(path), "--device", "cpu"]
        assert main([str(trained / "out"), str(trained / "rows.csv"), *words]) == 0
        with path.open() as stream:
            said[precision] = [float(row["y"]) for row in csv.DictReader(stream)]
    exact, rounded = said["float32"], said["bfloat16"]
    assert exact != rounded and rounded == pytest.approx(exact, rel=0.02, abs=0.02)


def test_new_categories_are_told(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = columns()
    path = written(tmp_path / "new.csv", {**table, "colour": ["violet"] * len(table["a"])})
    assert main([str(trained / "out"), path, "--device", "cpu"]) == 0
    assert "categories that no training row has, taken as unknown: colour 120" in capsys.readouterr().err


def test_categories_of_a_file_of_digits_and_truths_are_those_that_were_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, table = request(tmp_path, {"categorical": ["colour"]}), columns()
    n = len(table["a"])
    codes, flags = (["007", "012", "x"] * n)[:n], (["true", "false", "maybe"] * n)[:n]
    written(tmp_path / "rows.csv", {**table, "colour": [*codes], "flag": [*flags]})
    train(made, quiet)
    rows = {**table, "colour": (["007", "012"] * n)[:n], "flag": (["true", "false"] * n)[:n]}
    path = written(tmp_path / "new.csv", {name: [*values] for name, values in rows.items()})
    assert main([str(tmp_path / "out"), path, "--device", "cpu"]) == 0
    assert "taken as unknown" not in capsys.readouterr().err


def test_columns_that_are_kept_lose_no_digit(trained: Path, tmp_path: Path) -> None:
    table = columns()
    n = len(table["a"])
    given = {
        "id": (["007", "12"] * n)[:n],
        "long": ["9007199254740993"] * n,
        "count": ["3.0", *["4"] * (n - 1)],
    }
    path = written(tmp_path / "new.csv", {**table, **given})
    words = ["--keep", "id", "long", "count", "--output"]
    for name in ("p.csv", "p.parquet"):
        assert main([str(trained / "out"), path, "--device", "cpu", *words, str(tmp_path / name)]) == 0
    with (tmp_path / "p.csv").open() as stream:
        row = next(csv.DictReader(stream))
    assert (row["id"], row["long"], row["count"]) == ("007", "9007199254740993", "3")
    kept = pq.read_table(tmp_path / "p.parquet").to_pydict()
    assert (kept["id"][:2], kept["long"][0], kept["count"][1]) == (["007", "12"], "9007199254740993", 4)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--output", "x.txt"], "must end with .csv or .parquet"),
        (["--keep", "persons"], "--keep persons: no such column; there are person, a"),
    ],
)
def test_what_cannot_be_done_is_told(
    trained: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(trained / "out"), str(trained / "rows.csv"), "--device", "cpu", *words]) == 2
    assert told in capsys.readouterr().err


def test_rows_of_other_columns_are_refused_and_nothing_is_written(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = columns()
    path = written(tmp_path / "other.csv", {"A": table["a"], "b": table["b"]})
    argv = [str(trained / "out"), path, "--output", str(tmp_path / "p.csv"), "--device", "cpu"]
    assert main(argv) == 2
    assert "missing here a, colour; new here A; give it" in capsys.readouterr().err
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "predict_tabular: {path}: no such file"),
        ("a,b,colour\n", "{path}: no row is there to predict"),
        ("a,b,colour\n1,2,red\nx,3,red\n4,5,red\n", "row 2 is 'x', no number; the model has amounts there"),
    ],
)
def test_rows_that_cannot_be_predicted_are_told_without_flags_of_a_training(
    trained: Path, tmp_path: Path, content: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.csv"
    if content is not None:
        path.write_text(content)
    assert main([str(trained / "out"), str(path), "--device", "cpu"]) == 2
    heard = capsys.readouterr().err
    assert told.format(path=path) in heard and "--data" not in heard


def test_a_folder_that_is_no_model_is_told(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(trained), "rows.csv"]) == 2
    assert "is not the folder of one model; it has no model.json" in capsys.readouterr().err
