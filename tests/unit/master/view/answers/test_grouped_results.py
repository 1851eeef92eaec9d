"""Groups of results as tables and for other programs."""

from __future__ import annotations

import csv
import io
import json

import pytest

from master.core.results.groups import Row
from master.core.results.lines import Question, result_lines
from master.view.answers.grouped_results import as_json, csv_text, markdown, table
from tests.unit.master.view.conftest import paper, written

F1 = {(0.1, 1): 0.5, (0.1, 2): 0.6, (0.2, 1): 0.7, (0.2, 2): 0.8}
ROWS = [Row(f"{lr}-{seed}", {"lr": lr, "seed": seed}, {"f1": f1}) for (lr, seed), f1 in F1.items()]
PLAIN = Question(("f1",), "f1", ascending=False)
COMPARED = Question(("f1",), "f1", ascending=False, baseline={"lr": "0.1"})


def test_a_line_has_the_mean_and_its_interval() -> None:
    console = paper()
    console.print(table(result_lines(ROWS, PLAIN), PLAIN))
    assert [line.split() for line in written(console).splitlines()] == [
        ["Results"],
        ["lr", "f1", "n"],
        ["0.2", "0.7500", "±", "0.6353", "2"],
        ["0.1", "0.5500", "±", "0.6353", "2"],
    ]


def test_what_is_missing_is_told_beside_the_count() -> None:
    rows = [
        *ROWS[:3],
        Row("failed", {"lr": 0.2, "seed": 2}, {}, "failed"),
        Row("new", {"lr": 0.3, "seed": 1}, {}),
    ]
    assert markdown(result_lines(rows, PLAIN), PLAIN).splitlines()[2:] == [
        "| 0.2 | 0.7000 | 1, 1 missing |",
        "| 0.1 | 0.5500 ± 0.6353 | 2 |",
        "| 0.3 | – | 0, 2 missing |",
    ]


def test_markdown_has_the_difference_to_the_baseline() -> None:
    rows = [*ROWS[:3], Row("0.2-2", {"lr": 0.2, "seed": 2}, {"f1": 0.9})]
    assert markdown(result_lines(rows, COMPARED), COMPARED) == (
        "| lr | f1 | n | difference | shared |\n"
        "| --- | ---: | ---: | ---: | ---: |\n"
        "| 0.2 | 0.8000 ± 1.2706 | 2 | 0.2500 ± 0.6353 | 2 |\n"
        "| 0.1 | 0.5500 ± 0.6353 | 2 | baseline |  |\n"
    )


def test_csv_is_unrounded_and_has_a_row_a_group() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(result_lines(ROWS, COMPARED), COMPARED))))
    assert [row["lr"] for row in rows] == ["0.2", "0.1"]
    assert float(rows[0]["f1.mean"]) == pytest.approx(0.75)
    assert float(rows[0]["difference.mean"]) == pytest.approx(0.2)
    assert (rows[0]["f1.count"], rows[0]["f1.missing"], rows[1]["difference.mean"]) == ("2", "0", "")


def test_json_names_the_jobs_of_each_group() -> None:
    found = json.loads(json.dumps(as_json(result_lines(ROWS, COMPARED), COMPARED)))
    first, baseline = found["groups"]
    assert (found["by"], found["over"]) == ("f1", ["seed", "fold"])
    assert first["parameters"] == {"lr": 0.2} and first["jobs"] == ["0.2-1", "0.2-2"]
    assert first["difference"]["count"] == 2 and baseline["difference"] is None


def test_no_results_are_an_empty_table() -> None:
    empty = Question((), "", ascending=False)
    assert csv_text([], empty) == "\n"
    assert as_json([], empty)["groups"] == []
